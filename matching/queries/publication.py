"""How far the publication of a plan is; the run keeps it, request by request."""

from typing import Any

from marketplace.kernel.text import gettext_noop
from marketplace.work import queries as jobs
from marketplace.work.models import FINAL_STATES
from matching.models import MatchRun

STAGE = "publishing"  # shown as the run's progress
SKIPPED = {  # why a request that the plan serves gets no suggestion
    "need_changed": gettext_noop("The request %(request)s has changed since the plan was made."),
    "offering_changed": gettext_noop("%(offering)s, planned for %(request)s, is no longer on offer as planned."),
}


def publication_under_way(run: MatchRun) -> bool:
    """Tell whether a worker will still go on: a job that died or was cancelled has to be asked for again."""
    kept: dict[str, Any] = run.publication
    if run.published_at is not None or not kept or kept["stopped"]:
        return False
    job = jobs.job_by_key(kept["job"])
    return job is not None and job.state not in FINAL_STATES
