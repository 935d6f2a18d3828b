"""The whole walk with the generated client: need, match, approval by two, acceptance, delivery, evaluation, closed.

`PYTHONPATH=var/clients/python python clients/python/walk.py var/demo.json`; may be run again, each time is a new need.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from gmg_marketplace import AuthenticatedClient
from gmg_marketplace.api.engagements import (
    engagement_deliveries_deliver,
    engagement_deliveries_list,
    engagement_deliveries_participation,
    engagement_deliveries_start,
    engagement_evaluations_create,
    engagement_milestones_complete,
    engagement_milestones_list,
    engagements_agree,
    engagements_close,
    engagements_confirm,
    engagements_list,
    engagements_read,
    engagements_start,
)
from gmg_marketplace.api.events import events_list
from gmg_marketplace.api.matching import match_runs_create, match_runs_read, proposal_part_answers_accept
from gmg_marketplace.api.proposals import (
    proposal_parts_list,
    proposals_approve,
    proposals_consult,
    proposals_prefer,
    proposals_shortlist,
    request_proposals_list,
)
from gmg_marketplace.api.requests import requests_create, requests_open, requests_submit
from gmg_marketplace.models import (
    AnsweredPart,
    Delivery,
    DeliveryReportInRequest,
    Engagement,
    Evaluation,
    EvaluationInRequest,
    EvaluationInRequestSource,
    Feed,
    Milestone,
    MilestoneNoteInRequest,
    PageDelivery,
    PageEngagement,
    PageMilestone,
    PagePart,
    PageProposal,
    ParticipationInRequest,
    PreferenceInRequest,
    Problem,
    Proposal,
    ReasonInRequest,
    Request,
    RequestInRequest,
    Run,
    RunInRequest,
)
from gmg_marketplace.types import Unset

PARTNER = "CIFAL-JEJU"
ANY_VERSION = "*"  # decisions name the version that was read; a walk that is alone may say "any"
EARLY_MILESTONES = ("needs_analysis", "terms_of_reference", "nominations")
FEED_SECONDS, RUN_SECONDS = 30, 60
Thing = TypeVar("Thing")


class RefusedError(Exception):
    """The marketplace refused; the message is its problem in words."""


def sure(kind: type[Thing], answer: object) -> Thing:
    """Give the answer if it is of the kind that was asked for; raise the problem that came in its place."""
    if isinstance(answer, Problem):
        fields = [] if isinstance(answer.errors, Unset) else [f"{one.pointer}: {one.detail}" for one in answer.errors]
        raise RefusedError("\n".join([f"{answer.status} {answer.code}: {answer.detail}", *fields]))
    if not isinstance(answer, kind):
        raise RefusedError(f"not the {kind.__name__} that was asked for: {answer!r}")
    return answer


class Walk:
    """Who takes part: a focal point, two officers because four eyes are due, staff of the partner."""

    def __init__(self, told: Path) -> None:
        demo = json.loads(told.read_text(encoding="utf-8"))
        tokens = {account["login"]: account["token"] for account in demo["accounts"]}
        self.focal, self.officer, self.second, self.partner = (
            AuthenticatedClient(base_url=demo["base_url"], token=tokens[login], httpx_args={"trust_env": False})
            for login in ("demo-focal-en", "demo-officer", "demo-officer-2", "demo-provider")
        )

    def need(self) -> str:
        """Draft a need, submit it, have it opened; gives its reference."""
        year = datetime.now(UTC).year + 1
        body = RequestInRequest.from_dict(
            {
                "requesting_organization": "UNDP",
                "title": {"en": "Protecting victims of trafficking"},
                "need_statement": {"en": "Officials of six districts need to recognize and protect victims."},
                "language": "en",
                "lines": [
                    {
                        "theme": "trafficking-victims",
                        "audience": "local_regional_authorities",
                        "country": "BGD",
                        "language": "en",
                        "participants": {"min": 15, "max": 20},
                    }
                ],
                "window": {"start": f"{year}-01-01", "end": f"{year}-12-31", "precision": "year"},
                "visibility": "group",
            }
        )
        # The key makes the call safe to repeat: the same key never makes a second draft.
        draft = sure(Request, requests_create.sync(client=self.focal, body=body, idempotency_key=str(uuid4())))
        submitted = sure(Request, requests_submit.sync(str(draft.id), client=self.focal))
        opened = sure(Request, requests_open.sync(str(submitted.id), client=self.officer))
        reference = sure(str, opened.reference)  # drafts have none
        said("need", reference, opened.state)
        return reference

    def match(self, reference: str) -> Proposal:
        """Rank what is on offer; gives the best proposal of the partner."""
        run = sure(Run, match_runs_create.sync(client=self.officer, body=RunInRequest(request=reference)))
        deadline = time.monotonic() + RUN_SECONDS
        while run.state in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.3)
            run = sure(Run, match_runs_read.sync(str(run.id), client=self.officer))
        said("match", reference, run.state)
        found = sure(PageProposal, request_proposals_list.sync(reference, client=self.officer)).results
        return next(one for one in found if one.lead == PARTNER)

    def approve(self, proposal: Proposal) -> None:
        """Shortlist, ask the requester, approve by two."""
        of = str(proposal.id)
        sure(Proposal, proposals_shortlist.sync(of, client=self.officer))
        sure(Proposal, proposals_consult.sync(of, client=self.officer))
        sure(Proposal, proposals_prefer.sync(of, client=self.focal, body=PreferenceInRequest()))
        why = ReasonInRequest(reason_text="Best by score.")
        first = sure(Proposal, proposals_approve.sync(of, client=self.officer, body=why, if_match=ANY_VERSION))
        said("first approval", of, first.state)
        both = sure(Proposal, proposals_approve.sync(of, client=self.second, body=why, if_match=ANY_VERSION))
        said("second approval", of, both.state)

    def accept(self, proposal: Proposal, reference: str) -> str:
        """The partner accepts and the engagement exists; gives its reference."""
        of = str(proposal.id)
        part = sure(PagePart, proposal_parts_list.sync(of, client=self.partner)).results[0]
        sure(AnsweredPart, proposal_part_answers_accept.sync(of, str(part.id), client=self.partner))
        engagement = sure(PageEngagement, engagements_list.sync(client=self.focal, request=[reference])).results[0]
        said("engagement", engagement.reference, engagement.state)
        return engagement.reference

    def deliver(self, of: str) -> None:
        """Agree, prepare, hold each delivery and report it; the requester confirms."""
        sure(Engagement, engagements_agree.sync(of, client=self.partner))
        for milestone in sure(PageMilestone, engagement_milestones_list.sync(of, client=self.officer)).results:
            if milestone.kind in EARLY_MILESTONES:
                note = MilestoneNoteInRequest(note="Done.")
                sure(
                    Milestone,
                    engagement_milestones_complete.sync(of, str(milestone.id), client=self.officer, body=note),
                )
        sure(Engagement, engagements_start.sync(of, client=self.partner))
        for delivery in sure(PageDelivery, engagement_deliveries_list.sync(of, client=self.partner)).results:
            self.report(of, delivery)
        confirmed = sure(Engagement, engagements_confirm.sync(of, client=self.focal))
        said("delivered", of, confirmed.state)

    def report(self, of: str, delivery: Delivery) -> None:
        """Hold one delivery and report it with its numbers."""
        this = str(delivery.id)
        if delivery.state == "planned":
            sure(Delivery, engagement_deliveries_start.sync(of, this, client=self.partner))
        attended = {"stage": "attended", "total": 18, "breakdown": {"sex": {"female": 10, "male": 8}}}
        numbers = ParticipationInRequest.from_dict({"participation": [attended]})
        sure(Delivery, engagement_deliveries_participation.sync(of, this, client=self.partner, body=numbers))
        words = DeliveryReportInRequest.from_dict({"report": {"en": "All modules held, eighteen participants."}})
        sure(Delivery, engagement_deliveries_deliver.sync(of, this, client=self.partner, body=words))

    def close(self, of: str) -> Engagement:
        """Evaluate at each level that is owed, then close."""
        for level in sure(Engagement, engagements_read.sync(of, client=self.officer)).missing_levels:
            sure(Evaluation, engagement_evaluations_create.sync(of, client=self.focal, body=evaluation(level)))
        closed = sure(Engagement, engagements_close.sync(of, client=self.officer, if_match=ANY_VERSION))
        said("closed", closed.reference, closed.state)
        return closed

    def feed(self, engagement: Engagement) -> None:
        """Wait until the feed tells that it is closed; the cursor is all that there is to remember."""
        after, deadline = 0, time.monotonic() + FEED_SECONDS
        while time.monotonic() < deadline:
            page = sure(
                Feed, events_list.sync(client=self.officer, after=after, resource_id=engagement.id, wait=5, limit=1000)
            )
            if any(event.type_ == "engagement.closed" for event in page.results):
                said("event", engagement.reference, "engagement.closed")
                return
            after = page.after
        raise RefusedError("the feed did not tell in time that the engagement is closed")


def evaluation(level: int) -> EvaluationInRequest:
    """Say what the participants said (level 1) or had learnt."""
    return EvaluationInRequest(
        level=level,
        source=EvaluationInRequestSource.PARTICIPANTS,
        collected_on=datetime.now(UTC).date(),
        method="survey" if level == 1 else "test",
        instrument="objective_test",
        invited=18,
        answered=16,
        value="4.40",
        scale_min="1",
        scale_max="5",
    )


def said(step: str, thing: str, state: str) -> None:
    """Write one line of the walk."""
    print(f"{step}: {thing} {state}")


def main() -> None:
    """Walk through the demo whose `demo.json` is named."""
    walk = Walk(Path(sys.argv[1]))
    reference = walk.need()
    proposal = walk.match(reference)
    walk.approve(proposal)
    engagement = walk.accept(proposal, reference)
    walk.deliver(engagement)
    walk.feed(walk.close(engagement))


if __name__ == "__main__":
    main()
