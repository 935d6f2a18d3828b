"""Themes suggested for free text, over HTTP."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.lookups import find
from marketplace.api.parameters import query
from marketplace.api.permissions import SignedIn, check_role
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from matching.api.serializers.themes import SuggestedThemesOut
from matching.queries import themes
from requests_app import queries as requests

MOST_LETTERS = 2000
DEFAULT_LIMIT = 10
LIMIT = query(
    "limit",
    "How many at most.",
    {"type": "integer", "minimum": 1, "maximum": themes.MOST_SUGGESTIONS, "default": DEFAULT_LIMIT},
)


class SuggestionsView(ApiView):
    """What both routes share."""

    def limit(self) -> int:
        """Read how many are asked for. Raises DomainError(invalid_input)."""
        text = self.request.query_params.get("limit", str(DEFAULT_LIMIT))
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= themes.MOST_SUGGESTIONS):
            detail = gettext_noop("A whole number from 1 to 20.")
            raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("?limit", "invalid", detail)])
        return int(text)

    def shown(self, found: list[themes.SuggestedTheme]) -> Response:
        """Answer with what was found."""
        return Response(SuggestedThemesOut({"results": found}, context=self.shape_context()).data)


class ThemeSuggestionsView(SuggestionsView):
    """`/vocabularies/themes/suggestions`."""

    tag = "Vocabularies"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Find themes in a text",
            SignedIn("vocabularies hold nothing private"),
            description="Reads the text with the preferred and alternative labels of the themes, in English and French: "
            "accents, endings and small words do not matter, the longest label wins, words that few themes have tell more.",
            out=SuggestedThemesOut,
            operation_id="theme_suggestions_list",
            errors=(ErrorCode.INVALID_INPUT,),
            parameters=(
                query(
                    "text",
                    "What is to be read.",
                    {"type": "string", "minLength": 1, "maxLength": MOST_LETTERS},
                    required=True,
                ),
                query("language", "Its language, `en` or `fr`; without it, both are tried.", {"type": "string"}),
                LIMIT,
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """Find them. Raises DomainError(invalid_input)."""
        text = request.query_params.get("text", "").strip()
        if not 1 <= len(text) <= MOST_LETTERS:
            detail = gettext_noop("A text of 1 to 2,000 letters.")
            raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("?text", "invalid", detail)])
        language = request.query_params.get("language")
        return self.shown(themes.suggest_themes(text, language=language, limit=self.limit()))


class RequestThemesView(SuggestionsView):
    """`/requests/{request_id}/theme-suggestions`."""

    tag = "Requests"
    path_parameters: ClassVar[dict[str, str]] = {"request_id": "Id or reference of the request."}
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Find the themes that a request speaks of",
            Permission.REQUESTS_READ,
            description="Reads title and need statement, also of a draft; `lines` says which lines ask for the theme already.",
            out=SuggestedThemesOut,
            operation_id="request_theme_suggestions_list",
            errors=(ErrorCode.INVALID_INPUT, ErrorCode.NOT_FOUND),
            parameters=(LIMIT,),
        )
    }

    def names_a_thing(self) -> bool:
        """The request is looked up before the role is asked."""
        return True

    def get(self, request: Request, request_id: str) -> Response:
        """Find them. Raises DomainError(not_found) where the caller does not read the body of the request."""
        readable = requests.requests_readable_by(self.request.actor, at=self.request.at)
        found: Any = find(readable, request_id, "reference")
        check_role(self.request.actor, self.contracts["get"].access, self.request.at)
        return self.shown(themes.suggest_themes_of_request(found.pk, limit=self.limit()))
