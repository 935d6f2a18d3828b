"""A small run in which everything went well, by hand; the tests of the checkers plant one bug at a time into it."""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.final import Final
from tests.faults.history import Arrival, Attempt, Call, Fault, Grant, History, Page, Sight

REQUEST, PROPOSAL, PART, RUN, SESSION = (f"{digit * 8}-0000-7000-8000-000000000000" for digit in "abcde")
FOCAL, OFFICER, HEAD, PARTNER = "demo-focal-en", "demo-officer", "demo-head", "demo-provider"
CANARY = "CANARY-UNDP-1"

Row = dict[str, Any]


@dataclass
class Scene:
    """History and final state, ready to be spoilt."""

    history: History = field(default_factory=History)
    final: Final = field(default_factory=Final)
    clock: float = 1_000.0

    def call(self, client: str, path: str, *statuses: int | None, facts: Row | None = None) -> Call:
        """Note a call and its attempts; None is an attempt without an answer."""
        call = self.history.call(client, "POST", path, f"key-{len(self.history.calls)}")
        for status in statuses:
            self.clock += 1
            attempt = Attempt(f"r-{call.number}-{len(call.attempts) + 1}", self.clock, status=status)
            if status is not None:
                attempt.answered = self.clock + 0.5
                attempt.digest = "same" if status < 300 else "refused"
            call.attempts.append(attempt)
        call.facts = facts or {}
        return call

    def act(self, request_id: str, resource: str, thing: str, action: str, states: str, *, by: str = OFFICER) -> None:
        """Leave an audit record and its event; ``states`` is "from>to"."""
        source, _, target = states.partition(">")
        kind = "system" if by == "system" else "user"
        self.final.audit.append(
            {
                "resource": resource,
                "resource_id": thing,
                "action": action,
                "from_state": source,
                "to_state": target,
                "actor_kind": kind,
                "actor_id": by,
                "request_id": request_id,
            }
        )
        self.tell(EVENTS.get((resource, action), f"{resource}.{action}"), resource, thing, request_id)

    def tell(self, kind: str, resource: str, thing: str, request_id: str, *, audience: str = "agency") -> None:
        """Publish an event."""
        number = len(self.final.outbox) + 1
        version = 1 + sum(event["resource_id"] == thing.replace("-", "") for event in self.final.outbox)
        event = {"sequence": number, "type": kind, "resource": resource, "version": version}
        self.final.outbox.append(
            {
                **event,
                "public_id": f"event{number}",
                "resource_id": thing.replace("-", ""),
                "audience": audience,
                "request_id": request_id,
            }
        )
        feed = self.final.feeds.setdefault(OFFICER, [])
        feed.append({**event, "id": f"event{number}", "resource_id": thing})

    def call_webhook(self) -> None:
        """Let UNDP's webhook get what its agency finds in the feed: an event that is not taken comes again, one comes twice."""
        events = [event for event in self.final.feeds[OFFICER] if event["resource_id"] in (REQUEST, PROPOSAL)]
        self.final.hooks, self.final.hooks_begin = {"UNDP": events}, {"UNDP": 0}
        for number, event in enumerate(events):
            for status in (500, 204) if number == 1 else (204,):
                self.arrive(event, status)
        self.arrive(events[0], 204)

    def arrive(self, event: Row, status: int, *, valid: bool = True) -> None:
        """Bring an event to UNDP's webhook."""
        self.clock += 1
        subject = f"{event['resource']}/{event['resource_id']}"
        self.history.arrivals.append(
            Arrival("UNDP", event["id"], subject, event["sequence"], valid, status, self.clock)
        )

    def read_feed(self) -> None:
        """Let the officer read what is there, two events a page."""
        events = [(event["sequence"], event["id"]) for event in self.final.feeds[OFFICER]]
        for start in range(0, len(events), 2):
            self.history.page(Page(OFFICER, start, events[start : start + 2]))


EVENTS = {  # where the event is not called resource.verb
    ("training_request", "submit"): "training_request.submitted",
    ("training_request", "open"): "training_request.opened",
    ("match_run", "start"): "match_run.started",
    ("match_run", "finish"): "match_run.completed",
    ("proposal", "shortlist"): "proposal.shortlisted",
    ("proposal", "consult"): "proposal.consulted",
    ("proposal", "approve"): "proposal.approved",
    ("proposal_part", "ask"): "proposal_part.asked",
    ("session", "open"): "session.opened",
}


def good() -> Scene:
    """From a need to an approved proposal: one call repeated, one refused, one that nobody answered."""
    scene = Scene()
    _opened(scene)
    _ranked(scene)
    _approved(scene)
    _state_at_the_end(scene.final)
    scene.history.grants.append(Grant(PARTNER, CANARY, 1_005.0))
    scene.history.sights += [Sight(FOCAL, "/requests", CANARY, 1_001.0), Sight(PARTNER, "/requests", CANARY, 1_009.0)]
    scene.history.faults.append(Fault(1, "production", "redis_kill", 1_002.0, 1_003.0, 1_004.5))
    scene.read_feed()
    scene.call_webhook()
    return scene


def _opened(scene: Scene) -> None:
    scene.call(PARTNER, "/sessions", 201, facts={"id": SESSION})
    scene.act("r-1-1", "session", SESSION, "created", ">planned", by=PARTNER)
    scene.call(PARTNER, f"/sessions/{SESSION}/open", 200)
    scene.act("r-2-1", "session", SESSION, "open", "planned>open", by=PARTNER)
    scene.call(FOCAL, "/requests", None, 201, 201, facts={"id": REQUEST})
    scene.act("r-3-1", "training_request", REQUEST, "created", ">draft", by=FOCAL)
    scene.call(FOCAL, f"/requests/{REQUEST}/submit", 200)
    scene.act("r-4-1", "training_request", REQUEST, "submit", "draft>submitted", by=FOCAL)
    scene.call(OFFICER, f"/requests/{REQUEST}/open", 503, 200)
    scene.act("r-5-2", "training_request", REQUEST, "open", "submitted>open")


def _ranked(scene: Scene) -> None:
    scene.act("r-5-2", "match_run", RUN, "created", ">queued", by="system")
    scene.act("r-5-2", "match_run", RUN, "start", "queued>running", by="system")
    scene.act("r-5-2", "match_run", RUN, "finish", "running>complete", by="system")
    scene.act("r-5-2", "proposal", PROPOSAL, "created", ">suggested", by="system")
    scene.act("r-5-2", "proposal_part", PART, "created", ">suggested", by="system")


def _approved(scene: Scene) -> None:
    path = f"/proposals/{PROPOSAL}"
    scene.call(OFFICER, f"{path}/shortlist", 200)
    scene.act("r-6-1", "proposal", PROPOSAL, "shortlist", "suggested>shortlisted")
    scene.call(OFFICER, f"{path}/consult", 200)
    scene.act("r-7-1", "proposal", PROPOSAL, "consult", "shortlisted>consulting")
    scene.call(OFFICER, f"{path}/approve", 200)
    scene.act("r-8-1", "proposal", PROPOSAL, "approve", "consulting>awaiting_second_approval")
    scene.call(HEAD, f"{path}/approve", 200)
    scene.act("r-9-1", "proposal", PROPOSAL, "approve", "awaiting_second_approval>approved", by=HEAD)
    scene.act("r-9-1", "proposal_part", PART, "ask", "suggested>asked", by=HEAD)
    scene.call(OFFICER, f"{path}/decline", 409)
    scene.call(OFFICER, f"{path}/retract", None)


def _state_at_the_end(final: Final) -> None:
    part = {"id": PART, "state": "asked", "lines": [{"line": 1}]}
    final.requests.append({"id": REQUEST, "state": "open"})
    final.runs.append({"id": RUN, "state": "complete", "error": ""})
    final.proposals.append({"id": PROPOSAL, "state": "approved", "request": "GMG-1", "parts": [part]})
    final.sessions.append({"id": SESSION, "state": "open", "reference": "S-1", "seats_total": 20, "seats_free": 8})
    final.windows.append({"id": RUN, "reference": "C-1", "quantity": 5, "free": 5})
    final.holds.append({"state": "held", "quantity": 12, "session": SESSION.replace("-", ""), "win": None})
    final.engagements.append({"id": "engagement", "state": "planned", "proposal": PROPOSAL})
    notice = {"subject": "step_opened", "step": "proposal.decide", "due_at": None, "created_at": "t"}
    final.notices[OFFICER] = [{**notice, "about": {"id": PROPOSAL}}]
