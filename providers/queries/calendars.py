"""Sessions as events of a calendar."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext

from marketplace.accounts.actors import Actor
from marketplace.formats.calendars import Happening
from marketplace.formats.registry import Telling
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies
from providers.models import Session
from providers.queries.visibility import sessions_visible_to

STATUSES = {"planned": "TENTATIVE", "cancelled": "CANCELLED"}  # the others are CONFIRMED


def session_happening(session: Mapping[str, Any], telling: Telling) -> Happening:
    """Make the event of a session, given as the API shows it with its offering."""
    offering, period = session["offering"], session["period"]
    title, language = pick(offering["titles"], telling.language)
    exact = period["precision"] == "day"
    country = vocabularies.country(session["country"]) if session["country"] else None
    where = (session["venue"], session["city"], pick(country.labels, telling.language)[0] if country else "")
    text = [pick(offering["summaries"], telling.language)[0], gettext("Provider: %s") % session["provider_code"]]
    if not exact:
        text.append(gettext("The days are not settled yet."))
    return Happening(
        uid=f"session-{session['id']}@gmg-training-marketplace",
        title=title or session["reference"],
        language=language,
        start=date.fromisoformat(str(period["start"])),
        end=date.fromisoformat(str(period["end"])),
        changed_at=datetime.fromisoformat(str(session["updated_at"])),
        sequence=session["version"],
        status=_status(session["state"], exact=exact),
        exact=exact,
        place=", ".join(part for part in where if part),
        text="\n".join(part for part in text if part),
        url=telling.address(f"sessions/{session['id']}"),
        categories=[vocabularies.label("themes", code, telling.language) for code in offering["themes"]],
    )


def _status(state: str, *, exact: bool) -> str:
    """Give the status of an event: what is cancelled is so however exactly its days were known."""
    status = STATUSES.get(state, "CONFIRMED")
    return status if exact or status == "CANCELLED" else "TENTATIVE"


def own_session_happenings(actor: Actor, telling: Telling, *, at: datetime, since: date, limit: int) -> list[Happening]:
    """Give the events of at most ``limit`` sessions of the actor's own organizations that end on ``since`` or later."""
    own = frozenset().union(*(right.descendant_ids for right in actor.rights(at)))
    rows = sessions_visible_to(actor, at=at).filter(
        offering__provider__organization_id__in=sorted(own), end_on__gte=since
    )
    found = rows.select_related("offering__provider").order_by("start_on", "pk")[:limit]
    return [session_happening(_shown(session), telling) for session in found]


def _shown(session: Session) -> dict[str, Any]:
    offering = session.offering
    return {
        **{name: getattr(session, name) for name in ("version", "state", "venue", "city", "country", "updated_at")},
        "id": session.public_id,
        "reference": session.reference_text,
        "period": {"start": session.start_on, "end": session.end_on, "precision": session.precision},
        "provider_code": offering.provider.code,
        "offering": {"titles": offering.titles, "summaries": offering.summaries, "themes": offering.themes},
    }
