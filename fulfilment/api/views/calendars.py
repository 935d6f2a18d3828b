"""A person's calendar under an address that is its own key, for programs that can be given an address and nothing else."""

from datetime import timedelta
from typing import ClassVar

from django.utils.translation import gettext
from rest_framework.request import Request
from rest_framework.response import Response

from fulfilment import queries
from fulfilment.api.formats import happening
from fulfilment.api.serializers.parts import DeliveryOut
from marketplace.accounts.actors import Actor
from marketplace.accounts.operations import authenticate_token
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.language import own_language, speak
from marketplace.api.permissions import Public
from marketplace.api.representations import BytesRenderer
from marketplace.formats.calendars import MEDIA_TYPE, Happening, write_calendar
from marketplace.formats.registry import Telling
from marketplace.kernel.errors import DomainError, ErrorCode
from providers.queries import own_session_happenings

DELIVERIES, SESSIONS = "engagements:read", "catalogue:read"  # scopes, and what of the calendar each opens
MOST = 500  # of each
KEPT = timedelta(days=90)  # after their last day


class CalendarRenderer(BytesRenderer):
    """text/calendar that the view has written."""

    media_type = MEDIA_TYPE
    format = "ics"
    charset = "utf-8"


class CalendarView(ApiView):
    """`/calendars/{token}`."""

    tag = "Account"
    renderer_classes = (CalendarRenderer,)
    path_parameters: ClassVar[dict[str, str]] = {
        "token": "A token of yours that can do nothing but read the catalogue or engagements; `.ics` may follow."
    }
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read your calendar by its own address",
            Public("programs that show calendars can only be given an address: the token in it is the key"),
            description="Deliveries of the engagements that you see (`engagements:read`) and sessions of your own "
            "organizations (`catalogue:read`) that end 90 days ago or later, the first 500 of each. Make the token with "
            "`POST /me/tokens`, with these scopes and no other: a token that can do more opens nothing here. It ends when "
            "you revoke it, or by its date.",
            operation_id="calendars_read",
            media_types=(MEDIA_TYPE,),
        )
    }

    def get(self, request: Request, token: str) -> Response:
        """Gather it. Raises DomainError(not_found) for a key that opens no calendar."""
        actor = self._person(token.removesuffix(".ics"))
        if not self.request.headers.get("Accept-Language"):
            self.request.language = speak(own_language(actor))
        told = self.request.build_absolute_uri
        telling = Telling(told("/")[:-1], told("/api/v1/calendars"), self.request.language)
        scopes = actor.scopes or frozenset()
        events = self._deliveries(actor, telling) if DELIVERIES in scopes else []
        if SESSIONS in scopes:
            at = self.request.at
            events += own_session_happenings(actor, telling, at=at, since=(at - KEPT).date(), limit=MOST)
        calendar = write_calendar(events, name=gettext("My training calendar"), language=telling.language)
        return Response(b"".join(calendar))

    def _person(self, token: str) -> Actor:
        found = authenticate_token(token, at=self.request.at) if token.isascii() else None
        actor = found[1] if found else None
        if actor is None or actor.user is None or not (actor.scopes or {""}) <= {DELIVERIES, SESSIONS}:
            raise DomainError(ErrorCode.NOT_FOUND)
        return actor

    def _deliveries(self, actor: Actor, telling: Telling) -> list[Happening]:
        at = self.request.at
        rows = queries.deliveries_visible_to(actor, at=at).filter(end_on__gte=(at - KEPT).date())
        related = ("engagement", "provider__organization", "offering", "session", "window")
        things = rows.select_related(*related).prefetch_related("participation").order_by("start_on", "pk")[:MOST]
        context = {"request": self.request, "expand": (), "fields": CALENDAR_FIELDS}
        return [happening(shown, telling) for shown in DeliveryOut(things, many=True, context=context).data]


CALENDAR_FIELDS = (
    *("id", "version", "updated_at", "state", "engagement", "number", "organization", "title", "period", "place"),
)
