"""The races: what the clients fire at the same moment, what must be true afterwards, and how the ring is cleared."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from threading import Barrier
from typing import Protocol
from uuid import UUID

import httpx
from django.db.models import QuerySet, Sum
from django.utils import timezone

from matching.models import MatchProposal, ProposalPart
from providers.models import CapacityHold, CapacityWindow, Session
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from tests.concurrency import scene
from tests.concurrency.scene import People, Slot
from tests.kit.caller import PROBLEM, Caller

CLEAN = {409, 412}  # how a loser is told
TOGETHER_SECONDS = 60
ANSWER_SECONDS = 300  # fifty calls in one queue, on a machine that has other things to do
Shot = Callable[[], httpx.Response]


def patient(base_url: str, token: str) -> Caller:
    """Make a caller who waits longer than most."""
    caller = Caller(base_url, token)
    caller.http.timeout = httpx.Timeout(ANSWER_SECONDS)
    return caller


class Race(Protocol):
    """One kind of race."""

    name: str

    def shots(self, round_number: int) -> Sequence[Shot]:
        """Give what each client fires."""

    def violations(self, answers: Sequence[httpx.Response]) -> Iterable[str]:
        """Compare the answers with what the database holds."""

    def clear(self) -> None:
        """Make ready for the next round."""


@dataclass
class Score:
    """What came of all rounds of one race."""

    race: str
    rounds: int = 0
    winners: int = 0
    losers: Counter[str] = field(default_factory=Counter)  # by status and code
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0  # between the first shot of a round and its last answer

    def line(self) -> str:
        """Write a row of the table."""
        told = ", ".join(f"{count} {word}" for word, count in self.losers.most_common())
        return (
            f"{self.race:<16} {self.rounds:>6} {self.winners:>8} {self.losers.total():>7} {len(self.violations):>11} "
            f"{self.seconds:>8.0f}  {told}"
        )


class Field:
    """The clients, who wait for each other before each shot."""

    def __init__(self, clients: int) -> None:
        self._pool = ThreadPoolExecutor(clients)

    def fire(self, shots: Sequence[Shot]) -> list[httpx.Response]:
        """Fire all at once and give the answers."""
        together = Barrier(len(shots))

        def one(shot: Shot) -> httpx.Response:
            together.wait(TOGETHER_SECONDS)
            return shot()

        return list(self._pool.map(one, shots))

    def close(self) -> None:
        """Send the clients home."""
        self._pool.shutdown()


def run_round(race: Race, field: Field, number: int, score: Score) -> None:
    """Run one round, check it, and clear the ring."""
    began = time.monotonic()
    answers = field.fire(race.shots(number))
    score.seconds += time.monotonic() - began
    score.rounds += 1
    score.winners += sum(answer.is_success for answer in answers)
    score.losers.update(_word(answer) for answer in answers if not answer.is_success)
    found = [*_unclean(answers), *race.violations(answers)]
    score.violations += [f"{race.name}, round {number}: {violation}" for violation in found]
    race.clear()


def _word(answer: httpx.Response) -> str:
    code = answer.json().get("code", "?") if answer.headers.get("Content-Type") == PROBLEM else "no problem+json"
    return f"{answer.status_code} {code}"


def _unclean(answers: Sequence[httpx.Response]) -> list[str]:
    """List the answers that are neither a success nor a clean refusal in full form."""
    return [
        f"answered {_word(answer)}"
        for answer in answers
        if not answer.is_success and (answer.status_code not in CLEAN or answer.headers.get("Content-Type") != PROBLEM)
    ]


# --- approvals ----------------------------------------------------------------------------------------------------
@dataclass
class Rival:
    """A proposal in the ring, with the version at which clients read it."""

    proposal: MatchProposal
    part: ProposalPart
    etag: str = '"1"'
    approved: int = 0  # how many clients were told in this round that they approved it


class Approvals:
    """Clients approve proposals of which only so many can be served."""

    def __init__(
        self, name: str, people: People, base_url: str, contest: Sequence[MatchProposal], winners: Sequence[int]
    ) -> None:
        self.name = name
        self._winners = sum(winners)
        self._officers = [patient(base_url, token) for token in people.officers]
        self._focal_point = patient(base_url, people.focal_point)
        rivals = {made.pk: Rival(made, made.parts.get()) for made in contest}
        self._rivals = list(rivals.values())
        self._in_ring = [rivals[made.pk] for made in contest]  # one for each client; some may share one

    def shots(self, round_number: int) -> Sequence[Shot]:
        return [self._shot(*pair) for pair in zip(self._officers, self._in_ring, strict=True)]

    def _shot(self, officer: Caller, rival: Rival) -> Shot:
        path, headers = f"/proposals/{rival.proposal.public_id}/approve", {"If-Match": rival.etag}

        def approve() -> httpx.Response:
            answer = officer.http.post(path, json={}, headers=headers)
            if answer.is_success:
                rival.approved += 1
                rival.etag = answer.headers["ETag"]
            return answer

        return approve

    def violations(self, answers: Sequence[httpx.Response]) -> Iterable[str]:
        won = [rival for rival in self._rivals if rival.approved]
        if sum(rival.approved for rival in self._rivals) != self._winners:
            yield f"{sum(rival.approved for rival in self._rivals)} were told that they won, not {self._winners}"
        told = {rival.part.public_id for rival in won}
        claimed = set(self._live_claims().values_list("claimant", flat=True))
        if claimed != told:
            yield f"{len(claimed)} have a claim on their line, {len(told)} were told so"
        yield from self._miscounted_lines()
        yield from self._miscounted_places(told)

    def _parts(self) -> list[ProposalPart]:
        return [rival.part for rival in self._rivals]

    def _live_claims(self) -> QuerySet[LineClaim]:
        return LineClaim.objects.filter(
            claimant__in=[part.public_id for part in self._parts()], released_at__isnull=True
        )

    def _miscounted_lines(self) -> Iterable[str]:
        for line in RequestLine.objects.filter(request__in={rival.proposal.request_id for rival in self._rivals}):
            claimed = self._live_claims().filter(line=line).aggregate(n=Sum("participants"))["n"] or 0
            if claimed != line.claimed or claimed > line.participants_max:
                yield f"line {line.pk}: {claimed} participants placed, {line.claimed} counted, room for {line.participants_max}"

    def _miscounted_places(self, told: set[UUID]) -> Iterable[str]:
        live = CapacityHold.objects.filter(state="held")
        for session in Session.objects.filter(pk__in={part.session_id for part in self._parts()}):
            held = live.filter(session=session).aggregate(n=Sum("quantity"))["n"] or 0
            if held != session.seats_held or held + session.seats_confirmed > session.seats_total:
                yield f"session: {held} seats held, {session.seats_held} counted, {session.seats_total} in all"
        for window in CapacityWindow.objects.filter(pk__in={part.window_id for part in self._parts()}):
            held = live.filter(window=window).aggregate(n=Sum("quantity"))["n"] or 0
            if held != window.held or held > window.quantity:
                yield f"{window.unit}: {held} held, {window.held} counted, {window.quantity} in all"
        holders = set(
            live.filter(holder__in=[part.public_id for part in self._parts()]).values_list("holder", flat=True)
        )
        if holders - told:
            yield f"{len(holders - told)} hold capacity who were refused"

    def clear(self) -> None:
        """Have the winners take their approval back and ask the requester again, as people would."""
        for rival in self._rivals:
            if rival.approved:
                path = f"/proposals/{rival.proposal.public_id}"
                for caller, verb in (
                    (self._officers[0], "retract"),
                    (self._officers[0], "consult"),
                    (self._focal_point, "prefer"),
                ):
                    answer = caller.call(
                        "POST", f"{path}/{verb}", {} if verb != "consult" else None, expect=200, version=rival.etag
                    )
                    rival.etag = answer.headers["ETag"]
                rival.approved = 0


def last_seat(people: People, base_url: str, at: datetime) -> Approvals:
    """As many needs as clients want the one seat that a session has left."""
    offering = scene.published_offering()
    slot = scene.last_seat(offering, at)
    contest = [scene.proposal(scene.open_line(people, at), offering, slot) for _ in people.officers]
    return Approvals("last seat", people, base_url, contest, [slot.takes])


def capacity(people: People, base_url: str, at: datetime) -> Approvals:
    """Half of the clients want trainer days of one window, half deliveries side by side of another."""
    offering = scene.published_offering()
    slots: tuple[Slot, ...] = (
        scene.last_capacity(offering, "trainer_days", quantity=20, wanted=6),
        scene.last_capacity(offering, "parallel_deliveries", quantity=2, wanted=1),
    )
    contest = [
        scene.proposal(scene.open_line(people, at), offering, slots[number % 2])
        for number in range(len(people.officers))
    ]
    return Approvals("capacity", people, base_url, contest, [slot.takes for slot in slots])


def one_line(people: People, base_url: str, at: datetime) -> Approvals:
    """Half of the clients approve the same proposal, the others one rival each, all for one line."""
    line = scene.open_line(people, at)
    favourite = scene.proposal(line, scene.published_offering(), None)
    half = len(people.officers) // 2
    rivals = [scene.proposal(line, scene.published_offering(), None) for _ in range(len(people.officers) - half)]
    return Approvals("one line", people, base_url, [*[favourite] * half, *rivals], [1])


class Ceiling(Approvals):
    """Clients approve proposals for the lines of one request, whose ceiling pays for one of them."""

    COST, CEILING, LEFT = Decimal(600), Decimal(1000), "USD 400.00"

    def violations(self, answers: Sequence[httpx.Response]) -> Iterable[str]:
        yield from super().violations(answers)
        claiming = [rival.part.pk for rival in self._rivals]
        spent = ProposalPart.objects.filter(pk__in=claiming, state="asked").aggregate(n=Sum("cost_amount"))["n"] or 0
        if spent > self.CEILING:
            yield f"{spent} asked for, {self.CEILING} is the ceiling"
        for answer in answers:
            if answer.status_code == 409 and self.LEFT not in answer.json().get("detail", ""):
                yield f"a loser was not told what is left: {answer.json()}"


def ceiling(people: People, base_url: str, at: datetime) -> Ceiling:
    """Each client wants another line of the same request, and two of them together cost more than its ceiling."""
    lines = scene.open_lines(people, at, len(people.officers), ceiling=Ceiling.CEILING)
    contest = [scene.proposal(line, scene.published_offering(), None, cost=Ceiling.COST) for line in lines]
    return Ceiling("ceiling", people, base_url, contest, [1])


# --- idempotency ----------------------------------------------------------------------------------------------------
class OneKey:
    """All clients draft the same request under the same key, as one caller does who repeats a call too soon."""

    name = "idempotency key"

    def __init__(self, people: People, base_url: str) -> None:
        self._callers = [patient(base_url, people.focal_point) for _ in people.officers]
        self._title = ""

    def shots(self, round_number: int) -> Sequence[Shot]:
        self._title = f"Round {round_number}"
        body = {
            "requesting_organization": "REQ",
            "title": {"en": self._title},
            "need_statement": {"en": "As in the title."},
        }
        headers = {"Idempotency-Key": f"round-{round_number}"}
        return [partial(caller.http.post, "/requests", json=body, headers=headers) for caller in self._callers]

    def violations(self, answers: Sequence[httpx.Response]) -> Iterable[str]:
        made = TrainingRequest.objects.filter(title__en=self._title).count()
        if made != 1:
            yield f"{made} requests were drafted"
        good = [answer for answer in answers if answer.is_success]
        first = [answer for answer in good if "Idempotency-Replayed" not in answer.headers]
        if len(first) != 1:
            yield f"{len(first)} answers say that they were the first"
        if len({answer.json()["id"] for answer in good}) != 1:
            yield "the answers name different requests"

    def clear(self) -> None:
        """Nothing is in the way of the next key."""


def all_races(clients: int, base_url: str) -> list[Race]:
    """Make everything for all races on the database of this process, which is the server's."""
    at = timezone.now()
    people = scene.people(clients, at)
    return [
        last_seat(people, base_url, at),
        capacity(people, base_url, at),
        one_line(people, base_url, at),
        ceiling(people, base_url, at),
        OneKey(people, base_url),
    ]
