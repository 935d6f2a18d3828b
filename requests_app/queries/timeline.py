"""What happened to a request, for those who read it: states, changes, questions and answers in one line of time."""

from dataclasses import dataclass, field
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.audit import queries as audit
from requests_app.models import TrainingRequest
from requests_app.queries.requests import clarifications_for, is_near

# Steps of the clock that tell a person nothing new.
SILENT = frozenset({"claimed"})


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened; ``by`` is given to the requester's side and the secretariat only."""

    at: datetime
    resource: str
    reference: str
    action: str
    from_state: str = ""
    to_state: str = ""
    by: str = ""
    reason_code: str = ""
    reason_text: str = ""
    texts: dict[str, str] = field(default_factory=dict)  # question and answer
    changed: tuple[str, ...] = ()  # names of the fields


def timeline(request: TrainingRequest, actor: Actor, *, at: datetime) -> list[TimelineEntry]:
    """Give the history of a request with its lines, endorsements and the questions that ``actor`` may read, oldest first.

    The audit trail is read here for people; nothing is decided by it.
    """
    near = is_near(request, actor, at=at)
    questions = {row.public_id: row for row in clarifications_for(request, actor, at=at)}
    things = [(request.resource, request.public_id)]
    things += [("request_line", public_id) for public_id in request.lines.values_list("public_id", flat=True)]
    things += [("endorsement", public_id) for public_id in request.endorsements.values_list("public_id", flat=True)]
    things += [("clarification", public_id) for public_id in questions]
    entries: list[TimelineEntry] = []
    for row in audit.trail_of(things):
        if row.action in SILENT:
            continue
        question = questions.get(row.resource_id)
        texts = {} if question is None else _words(row.action, question.question, question.answer)
        entries.append(
            TimelineEntry(
                at=row.at,
                resource=row.resource,
                reference=row.reference,
                action=row.action,
                from_state=row.from_state,
                to_state=row.to_state,
                by=row.actor_label if near else "",
                reason_code=row.reason_code,
                reason_text=row.reason_text if near else "",
                texts=texts,
                changed=tuple(sorted(row.changes)) if near else (),
            )
        )
    return sorted(entries, key=lambda entry: entry.at)


def _words(action: str, question: str, answer: str) -> dict[str, str]:
    return {"question": question} if action == "created" else {"answer": answer} if action == "answer" else {}
