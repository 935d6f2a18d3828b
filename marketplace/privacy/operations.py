"""Erasing a person: ways in end at once, names give way to a pseudonym, decisions and their chain stay."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Q

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, User
from marketplace.accounts.roles import Permission
from marketplace.audit import operations as audit
from marketplace.audit.erasure import Erased, erase_values
from marketplace.audit.models import pseudonym
from marketplace.audit.verification import ERASE
from marketplace.events import operations as events
from marketplace.events.models import Audience
from marketplace.kernel.ids import new_public_id
from marketplace.privacy.inventory import HOLDINGS, Fate, Holding, Holds
from marketplace.privacy.people import Identity, identify, parts_of, rows_of, signature
from marketplace.privacy.texts import Place, places_naming


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of the rows of one column."""

    model: str
    column: str
    rows: int
    fate: Fate
    why: str


@dataclass(slots=True)
class Erasure:
    """What went, what stays and why."""

    lines: list[Line] = field(default_factory=list)
    values: Erased = field(default_factory=lambda: Erased(0, ""))  # of the audit trail
    sessions: int = 0
    texts: list[Place] = field(default_factory=list)  # free texts that name the person: see `redaction`


@transaction.atomic
def erase_person(*, actor: Actor, at: datetime, person: User, reason_text: str, dry_run: bool = False) -> Erasure:
    """Erase what is held about a person, or only say what would go; erasing again finds nothing more to erase.

    Leaves one record in the trail, which says how much went and why but not whose name it was.
    Raises DomainError(permission_denied).
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    person = User.objects.select_for_update().get(pk=person.pk)
    who, act, done = identify(person), new_public_id(), Erasure()
    done.texts = list(places_naming(who))
    for holding in HOLDINGS:
        rows = rows_of(holding, who)
        if count := rows.count():
            done.lines.append(Line(holding.model, holding.column, count, holding.fate, holding.why))
            if not dry_run:
                _carry_out(holding, rows, who, at)
    done.sessions = _end_sessions(person, at=at, dry_run=dry_run)
    done.values = erase_values(act=act, actor_id=who.public_id, names=who.is_meant_in, dry_run=dry_run)
    if not dry_run:
        _tell(done, who, actor=actor, at=at, act=act, reason_text=reason_text)
    return done


def _carry_out(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    DEEDS[holding.fate](holding, rows, who, at)


def _delete(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    rows.delete()


def _end(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    """End memberships with the day before; those that had not begun go."""
    day = at.date() - timedelta(days=1)
    rows.filter(valid_from__gt=day).delete()
    for row in rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day)):
        row.valid_to, row.updated_at, row.version = day, at, row.version + 1
        row.save(update_fields=["valid_to", "updated_at", "version"])


def _unlink(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    """Empty a link with what belongs to it: a delegation has dates."""
    more = {"delegated_from": None, "delegated_to": None} if rows.model is Membership else {}
    rows.update(**{holding.column: None}, **more)


def _rename(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    new = pseudonym(who.public_id)
    if holding.holds is Holds.ITSELF:
        _hollow_out(who.person, new)
    elif holding.holds is Holds.NAME:
        rows.update(**{holding.column: new})
    else:
        for row in rows:
            for part in parts_of(getattr(row, holding.column)):
                if signature(part, holding) in who.signatures:
                    part[holding.by] = new
            row.save(update_fields=[holding.column])


def _hollow_out(person: User, new: str) -> None:
    """Leave of a person's row the pseudonym alone; the new password ends every session by its hash too."""
    person.username, person.password = new, make_password(None)
    person.name = person.first_name = person.last_name = person.email = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.last_login = None
    person.save()
    person.groups.clear()
    person.user_permissions.clear()


def _keep(holding: Holding, rows: models.QuerySet[Any], who: Identity, at: datetime) -> None:
    """Leave the link: it leads to the pseudonym."""


DEEDS: dict[Fate, Callable[[Holding, models.QuerySet[Any], Identity, datetime], None]] = {
    Fate.DELETED: _delete,
    Fate.ENDED: _end,
    Fate.UNLINKED: _unlink,
    Fate.RENAMED: _rename,
    Fate.KEPT: _keep,
}


def _end_sessions(person: User, *, at: datetime, dry_run: bool) -> int:
    """Delete the browser sessions of a person; what they belong to stands inside, signed."""
    rows = Session.objects.filter(expire_date__gt=at)
    theirs = [row.pk for row in rows.iterator() if row.get_decoded().get("_auth_user_id") == str(person.pk)]
    if not dry_run:
        Session.objects.filter(pk__in=theirs).delete()
    return len(theirs)


def _tell(done: Erasure, who: Identity, *, actor: Actor, at: datetime, act: Any, reason_text: str) -> None:
    audit.record(
        public_id=act,
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        resource="user",
        resource_id=who.person.public_id,
        reference=pseudonym(who.public_id),
        action=ERASE,
        reason_text=reason_text,
        changes={
            "values": done.values.values,
            "digest": done.values.digest,
            "rows": {f"{line.model}.{line.column}": [line.rows, line.fate.value] for line in done.lines},
        },
    )
    events.emit(
        type="user.erased",
        resource="user",
        resource_id=who.person.public_id,
        reference=pseudonym(who.public_id),
        version=1,
        audience=Audience.SECRETARIAT,
        at=at,
        actor=actor.label,
    )
