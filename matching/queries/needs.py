"""Several needs at once as the engine reads them, in a constant number of queries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Q

from marketplace.accounts import queries as accounts
from matching.engine import Need
from matching.models import ProposalPart
from matching.queries import inputs
from requests_app import queries as requests

NeedKey = tuple[int, int]  # request and its version, which a refusal raises, too: the lines are free again


@dataclass(frozen=True, slots=True)
class ReadNeed:
    """A need with what tells this edition of it from any other."""

    key: NeedKey
    reference: str
    need: Need


def read_needs(request_ids: Sequence[int]) -> dict[int, ReadNeed]:
    """Read requests by key with the lines that want a partner; those without such a line, or without a window, are left out.

    Of a ceiling nothing is taken off: who looks for needs must not learn what others are paid.
    """
    found = [
        facts
        for facts in requests.requests_for_matching(request_ids)
        if facts.window is not None and any(inputs.wants_partner(line) for line in facts.lines)
    ]
    codes = accounts.codes_of(
        {pk for facts in found for pk in facts.co_requester_ids | facts.excluded_organization_ids}
    )
    refused = refused_by_request([facts.request_id for facts in found])
    return {
        facts.request_id: ReadNeed(
            (facts.request_id, facts.version),
            facts.reference,
            inputs.need_of(facts, codes, exclusions=refused.get(facts.request_id, ())),
        )
        for facts in found
    }


def refused_by_request(request_ids: Iterable[int]) -> Mapping[int, set[str]]:
    """Give by request the public ids of offerings whose providers refused the need as it stands."""
    now = F("proposal__request__content_version")
    ranked = Q(proposal__run__request_content_version=now)
    planned = Q(
        proposal__run__plan_lines__request_id=F("proposal__request_id"),
        proposal__run__plan_lines__content_version=now,
    )
    refused = ProposalPart.objects.filter(ranked | planned, state="refused", proposal__request_id__in=list(request_ids))
    rows = refused.values_list("proposal__request_id", "offering__public_id").distinct()
    found: dict[int, set[str]] = {}
    for request_id, offering in rows:
        found.setdefault(request_id, set()).add(str(offering))
    return found
