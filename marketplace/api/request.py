"""The request as the views see it: who asks, when, and in which language."""

from datetime import datetime

from django.http import HttpRequest
from rest_framework.request import Request

from marketplace.accounts.actors import Actor


class ApiRequest(Request):
    """DRF's request with the actor and the clock; `at` is read once, so that one call happens at one moment."""

    at: datetime
    language: str

    @property
    def actor(self) -> Actor:
        """The one who calls; anonymous where nobody signed in."""
        return self.auth if isinstance(self.auth, Actor) else Actor.anonymous()

    @property
    def known_actor(self) -> Actor:
        """The one who calls as far as that was asked already; anonymous before, and where a credential was refused."""
        known = self.__dict__.get("_auth")
        return known if isinstance(known, Actor) else Actor.anonymous()

    @property
    def django_request(self) -> HttpRequest:
        """The request below, for what knows no DRF: sessions, CSRF, templates."""
        return self._request
