"""Many at once: one line and the last seats are given to one, the losers are told, nobody waits for another for ever."""

from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import pytest
from django.db import connections

from fulfilment import operations as fulfilment
from fulfilment.models import Engagement
from marketplace.kernel.errors import DomainError
from matching import operations
from matching.models import MatchProposal, ProposalPart
from providers.models import CapacityHold, Session
from requests_app import operations as requests
from requests_app.models import LineClaim, RequestLine
from tests.factories.accounts import AT
from tests.factories.matching import approved, consulted, market, offering_for, ranked, work
from tests.factories.providers import SessionFactory

FORK = get_context("fork")


pytestmark = pytest.mark.django_db(transaction=True)


def run_together(steps: list[Callable[[], object]]) -> Counter[str]:
    """Take all steps in processes that start at the same moment; count the answers."""
    connections.close_all()  # a forked child must not speak on its parent's connection
    barrier, answers = FORK.Barrier(len(steps)), FORK.SimpleQueue()
    children = [FORK.Process(target=_child, args=(step, barrier, answers)) for step in steps]
    for child in children:
        child.start()
    counted = Counter(answers.get() for _ in children)
    for child in children:
        child.join(60)
    return counted


def _child(step: Callable[[], object], barrier: Barrier, answers: "SimpleQueue[str]") -> None:
    barrier.wait(60)
    try:
        step()
        answer = "done"
    except DomainError as refusal:
        answer = str(refusal.code)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()
    answers.put(answer)


def approval(actor: object, proposal: MatchProposal) -> Callable[[], object]:
    return lambda: operations.approve_proposal(actor=actor, at=AT, proposal_id=proposal.pk)  # type: ignore[arg-type]


def test_many_approvals_for_one_line_leave_exactly_one() -> None:
    scene = ranked(offerings_per_theme=6)
    proposals = scene.proposals()[:6]
    for proposal in proposals:
        consulted(scene, proposal)
    answers = run_together([approval(scene.officer, proposal) for proposal in proposals])
    assert answers == {"done": 1, "line_taken": len(proposals) - 1}
    [line] = RequestLine.objects.filter(request=scene.request)
    [claim] = LineClaim.objects.filter(released_at=None)
    assert (line.claimed, claim.participants) == (30, 30)
    assert Session.objects.filter(seats_held__gt=0).count() == 1
    assert sorted(row.state for row in scene.proposals()).count("approved") == 1


def test_needs_that_want_the_same_seats_never_overbook_them() -> None:
    offering = offering_for("mainstreaming")
    session = SessionFactory.create(offering=offering, city="Bamako", country="MLI", seats_total=70)
    scenes = [market(offerings_per_theme=0) for _ in range(4)]
    work()
    for scene in scenes:
        consulted(scene)
    answers = run_together([approval(scene.officer, scene.best()) for scene in scenes])
    assert answers == {"done": 2, "capacity_exhausted": 2}
    session.refresh_from_db()
    assert (session.seats_held, CapacityHold.objects.filter(state="held").count()) == (60, 2)


def test_two_partners_who_answer_at_once_confirm_once() -> None:
    scene = ranked(themes=("mainstreaming", "trafficking"), offerings_per_theme=1)
    proposal = approved(scene)
    parts = scene.parts(proposal)
    people = [scene.provider(part.offering) for part in parts]

    def accept(number: int) -> Callable[[], object]:
        return lambda: operations.accept_part(actor=people[number], at=AT, part_id=parts[number].pk)

    assert run_together([accept(0), accept(1)]) == {"done": 2}
    proposal.refresh_from_db()
    assert proposal.state == "confirmed"


def test_deadline_and_answer_at_once_leave_one_of_the_two() -> None:
    scene = ranked(offerings_per_theme=1)
    [part] = scene.parts(approved(scene))
    due = part.due_at
    assert due is not None
    partner = scene.provider(part.offering)
    answers = run_together(
        [
            lambda: work(due),
            lambda: operations.accept_part(actor=partner, at=due, part_id=part.pk),
        ]
    )
    assert sum(answers.values()) == 2
    assert set(answers) <= {"done", "wrong_state"}, answers
    part.refresh_from_db()
    line = RequestLine.objects.get(request=scene.request)
    assert (part.state, line.claimed) in (("accepted", 30), ("lapsed", 0))


def test_opposite_answers_of_one_partner_at_once_leave_one() -> None:
    scene = ranked(offerings_per_theme=2)
    [part] = scene.parts(approved(scene))
    partner = scene.provider(part.offering)
    answers = run_together(
        [
            lambda: operations.accept_part(actor=partner, at=AT, part_id=part.pk),
            lambda: operations.refuse_part(actor=partner, at=AT, part_id=part.pk, reason_code="timing"),
        ]
    )
    assert answers == {"done": 1, "wrong_state": 1}
    assert ProposalPart.objects.get(pk=part.pk).state in ("accepted", "refused")


def test_withdrawal_and_last_acceptance_at_once_leave_nothing_agreed() -> None:
    scene = ranked(offerings_per_theme=1)
    [part] = scene.parts(approved(scene))
    partner = scene.provider(part.offering)
    answers = run_together(
        [
            lambda: requests.withdraw_request(actor=scene.focal, at=AT, request_id=scene.request.pk),
            lambda: fulfilment.accept_part(actor=partner, at=AT, part_id=part.pk),
        ]
    )
    assert sum(answers.values()) == 2
    assert set(answers) <= {"done", "wrong_state"}, answers
    work()
    assert not Engagement.objects.exclude(state="cancelled").exists()
    assert not LineClaim.objects.filter(released_at=None).exists()
    assert not CapacityHold.objects.filter(state__in=["held", "confirmed"]).exists()
