"""Requests as `GET /requests?expand=lines` shows them, as the engine reads them."""

from matching.engine.documents.nodes import Node
from matching.engine.documents.schemes import Known
from matching.engine.errors import EngineError
from matching.engine.types import AWARDS, LEVELS, Budget, Need, NeedLine, PlaceWish

# Members that are shown and have no part in matching: accepted, so that an answer of the API can be used as it is.
UNREAD = (
    "allowed_actions",
    "beneficiaries",
    "call",
    "channel",
    "conflicts",
    "content_version",
    "context_event",
    "created_at",
    "due_at",
    "endorsement",
    "endorsements",
    "external_id",
    "language",
    "links",
    "merged_into",
    "parent_relation",
    "parent_request",
    "participants",
    "places",
    "posting_consent_at",
    "programme",
    "reason_code",
    "reason_text",
    "state",
    "step",
    "submitted_at",
    "summary_only",
    "themes",
    "updated_at",
    "version",
    "visibility",
    "waiting_for",
)
READ = (
    "award",
    "budget",
    "co_requesters",
    "excluded_organizations",
    "forms",
    "id",
    "kept_apart",
    "languages",
    "lead_required",
    "lines",
    "modalities",
    "need_statement",
    "opened_at",
    "place",
    "priority_facts",
    "reference",
    "requesting_organization",
    "title",
    "window",
)
LINE_UNREAD = ("audience_label", "created_at", "id", "theme_label", "updated_at", "version")
LINE_READ = (
    "audience",
    "country",
    "divisible",
    "governance_level",
    "language",
    "level",
    "number",
    "participants",
    "region",
    "state",
    "theme",
)
PARTICIPANTS = ("free", "max", "min", "placed")
PREFERENCES = ("any", "fixed", "in_country", "online", "regional")
FUNDING = ("none", "secured", "sought")
LINE_STATES = ("agreed", "delivered", "dropped", "held", "open", "unmet")


def read_need(node: Node, known: Known) -> Need | None:
    """Read a request with the lines that still want a partner; None where there is no such line."""
    node.only((*READ, *UNREAD))
    if node.member("lines").is_missing:
        raise node.member("lines").refuse("expected the lines of the request (`?expand=lines`)")
    lines = tuple(line for entry in node.member("lines").items() if (line := _line(entry, known)) is not None)
    if not lines:
        return None
    window, place = node.member("window").only(("start", "end", "precision")), node.member("place")
    languages = node.member("languages").only(("must", "may"))
    opened = node.member("opened_at").text_or(None)
    try:
        return Need(
            id=identity(node),
            requester=_code_of(node.member("requesting_organization")),
            lines=lines,
            window_start=window.member("start").day(),
            window_end=window.member("end").day(),
            texts=joined(node.member("title").texts(), node.member("need_statement").texts()),
            co_requesters=node.member("co_requesters").codes(()),
            languages_may=languages.member("may").codes(known.of("languages"))
            if not languages.is_missing
            else frozenset(),
            forms=node.member("forms").codes(known.of("forms")),
            modalities=node.member("modalities").codes(known.of("modalities")),
            place=_place(place, known),
            budget=_budget(node.member("budget"), known),
            award=node.member("award").code_or(AWARDS, "none") or "none",
            excluded=node.member("excluded_organizations").codes(()),
            kept_apart=frozenset(_pair(entry) for entry in node.member("kept_apart").items()),
            lead_required=node.member("lead_required").truth(default=False),
            opened_on=Node(opened[:10], node.member("opened_at").pointer).day() if opened else None,
            priority_facts=node.member("priority_facts").codes(known.of("priority_facts")),
        )
    except EngineError as error:
        raise within(error, node) from error


def identity(node: Node) -> str:
    """Read `id`, else `reference`: one of them names the thing."""
    found = node.member("id").text_or(None) or node.member("reference").text_or(None)
    if found is None:
        raise node.member("id").refuse("expected `id` or `reference`")
    return found


def joined(*maps: dict[str, str]) -> dict[str, str]:
    """Join texts language by language, as the market of the product does."""
    languages = sorted({language for texts in maps for language in texts})
    return {language: " ".join(texts[language] for texts in maps if language in texts) for language in languages}


def within(error: EngineError, node: Node) -> EngineError:
    """Name the place in the document where the engine itself refused a thing."""
    if error.code == "bad_instance":
        return error
    return EngineError("bad_instance", node.pointer, f"{error.subject}: {error.detail}")


def _pair(node: Node) -> tuple[str, str]:
    """Read two organizations that must not deliver together."""
    codes = sorted(node.codes(()))
    if len(codes) != 2:
        raise node.refuse("expected the codes of two organizations")
    return codes[0], codes[1]


def _code_of(node: Node) -> str:
    """Read an organization, shown as an object with its code, or by its code alone."""
    if isinstance(node.value, dict):
        return node.only(("code", "name")).member("code").text()
    return node.text()


def _line(node: Node, known: Known) -> NeedLine | None:
    """Read a line that wants a partner: it is open, or divisible and still short of its smallest group."""
    node.only((*LINE_READ, *LINE_UNREAD))
    people = node.member("participants").only(PARTICIPANTS)
    most = people.member("max").whole(1)
    least = people.member("min").whole(1, most)
    placed = people.member("placed").whole_or(0)
    free = people.member("free").whole_or(most - placed)
    state = node.member("state").code_or(LINE_STATES, "open")
    short = state == "held" and node.member("divisible").truth(default=False) and placed < least
    if free <= 0 or not (state == "open" or short):
        return None
    return NeedLine(
        number=node.member("number").whole(1),
        theme=node.member("theme").code(known.scheme.position),
        audience=node.member("audience").code(known.of("audiences")),
        minimum=max(1, min(least - placed, free)),
        maximum=free,
        country=node.member("country").code_or(known.places.by_code, None),
        region=node.member("region").code_or(known.places.parents, None),
        language=node.member("language").code_or(known.of("languages"), None),
        level=node.member("level").code_or(LEVELS, None),
        governance_level=node.member("governance_level").code_or(known.of("governance_levels"), None),
    )


def _place(node: Node, known: Known) -> PlaceWish:
    if node.is_missing:
        return PlaceWish()
    node.only(("preference", "country", "city"))
    return PlaceWish(
        node.member("preference").code_or(PREFERENCES, "any") or "any",
        node.member("country").code_or(known.places.by_code, None),
        node.member("city").text_or(None),
    )


def _budget(node: Node, known: Known) -> Budget:
    if node.is_missing:
        return Budget()
    node.only(("ceiling", "currency", "funding_state", "funder"))
    ceiling = node.member("ceiling").amount_or(None)
    currency = node.member("currency").code_or(known.of("currencies"), None)
    if ceiling is not None and currency is None:
        raise node.member("currency").refuse("expected the currency of the ceiling")
    return Budget(
        ceiling,
        currency if ceiling is not None else None,
        node.member("funding_state").code_or(FUNDING, "none") or "none",
    )
