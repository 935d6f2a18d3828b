"""Parameters of a planning run checked before it is queued: every reference is resolved, every mistake has its place."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop
from matching.engine import AGENCY, COUNTRY_GROUPS, EngineError, Policy, Rates
from matching.queries.portfolio_parameters import changes_of, parameters_of
from providers import queries as providers
from requests_app import queries as requests

Stored = dict[str, Any]
PLACE = "/parameters"


def checked_parameters(
    sent: Mapping[str, Any], policy: Policy, rates: Rates, *, mode: str, actor: Actor, at: datetime
) -> Stored:
    """Give the parameters as they are stored, with every reference in its own form.

    Raises DomainError(unknown_reference) for what does not exist, DomainError(rule_broken) for what cannot be planned
    with: a request that is not open, a floor of an unknown group, a budget without a rate, changes in a real plan,
    locks that contradict each other, weights that the engine refuses.
    """
    stored = {name: value for name, value in sent.items() if value is not None}
    if stored.get("changes") and mode != "what_if":
        detail = gettext_noop("Only a run of the mode what_if may change weights, capacities or the catalogue.")
        raise rule_broken(f"{PLACE}/changes", "only_what_if", detail)
    known = _Requests(actor, at)
    for name, resolve in (
        ("requests", known.reference),
        ("budgets", _budget),
        ("floors", _floor),
        ("provider_loads", _load),
        ("locks", known.mark),
        ("bans", known.mark),
    ):
        if name in stored:
            stored[name] = _each(stored[name], resolve, f"{PLACE}/{name}")
    if "changes" in stored:
        stored["changes"] = _changes(stored["changes"])
    _try(stored, policy, rates, at)
    return stored


def _each(entries: Iterable[Any], resolve: Callable[[Any, str], Any], pointer: str) -> list[Any]:
    return [resolve(entry, f"{pointer}/{number}") for number, entry in enumerate(entries)]


class _Requests:
    """Open requests and their lines, each looked up once."""

    def __init__(self, actor: Actor, at: datetime) -> None:
        self._actor, self._at = actor, at
        self._lines: dict[str, frozenset[int]] = {}

    def reference(self, key: str, pointer: str) -> str:
        """Give the reference of an open request. Raises DomainError(unknown_reference, rule_broken)."""
        found = requests.find_request(key, actor=self._actor, at=self._at)
        if found is None:
            raise unknown_reference(pointer, key)
        reference = found.reference_text
        if found.state != "open":
            detail = gettext_noop("The request %(request)s is not open: it is not planned.")
            raise rule_broken(pointer, "request_not_open", detail, request=reference)
        if reference not in self._lines:
            self._lines[reference] = frozenset(requests.lines_of(found).values_list("number", flat=True))
        return reference

    def mark(self, entry: Mapping[str, Any], pointer: str) -> Stored:
        """Give an offering for a line of an open request. Raises DomainError(unknown_reference, rule_broken)."""
        reference = self.reference(entry["request"], f"{pointer}/request")
        if entry["line"] not in self._lines[reference]:
            detail = gettext_noop("The request %(request)s has no line %(line)s.")
            raise rule_broken(
                f"{pointer}/line",
                "no_such_line",
                detail,
                allowed=[str(number) for number in sorted(self._lines[reference])],
                request=reference,
                line=entry["line"],
            )
        offering = providers.offering_by_reference(entry["offering"], f"{pointer}/offering")
        return {
            "request": reference,
            "line": entry["line"],
            "offering": str(offering.public_id),
            "code": offering.reference_text,
        }


def _budget(entry: Mapping[str, Any], pointer: str) -> Stored:
    funder = entry.get("funder")
    if not funder:
        return {"limit": entry["limit"]}
    return {**entry, "funder": accounts.organization_by_code(funder, f"{pointer}/funder").code}


def _floor(entry: Mapping[str, Any], pointer: str) -> Stored:
    group = entry["group"]
    if group in COUNTRY_GROUPS:
        return dict(entry)
    if not group.startswith(AGENCY):
        detail = gettext_noop("`%(value)s` is not a group.")
        raise rule_broken(
            f"{pointer}/group", "unknown_group", detail, allowed=[*COUNTRY_GROUPS, f"{AGENCY}CODE"], value=group
        )
    code = accounts.organization_by_code(group.removeprefix(AGENCY), f"{pointer}/group").code
    return {**entry, "group": AGENCY + code}


def _load(entry: Mapping[str, Any], pointer: str) -> Stored:
    return {**entry, "provider": providers.provider_by_code(entry["provider"], f"{pointer}/provider").code}


def _changes(changes: Mapping[str, Any]) -> Stored:
    stored = dict(changes)
    if "capacities" in stored:
        stored["capacities"] = _each(stored["capacities"], _capacity, f"{PLACE}/changes/capacities")
    if "offerings" in stored:
        stored["offerings"] = _each(stored["offerings"], _offering, f"{PLACE}/changes/offerings")
    return stored


def _capacity(entry: Mapping[str, Any], pointer: str) -> Stored:
    """Resolve a session or a capacity window; the shape has seen to it that exactly one of them is named."""
    name = "session" if "session" in entry else "capacity_window"
    find = providers.find_session if name == "session" else providers.find_window
    found = find(entry[name])
    if found is None:
        raise unknown_reference(f"{pointer}/{name}", entry[name])
    return {name: str(found.public_id), "free": entry["free"]}


def _offering(entry: Mapping[str, Any], pointer: str) -> Stored:
    """Resolve the provider of an invented offering, where it is to be one that exists."""
    if not entry.get("provider"):
        return dict(entry)
    provider = providers.provider_by_code(entry["provider"], f"{pointer}/provider")
    return {**entry, "provider": provider.code, "organization": provider.organization.code}


def _try(stored: Stored, policy: Policy, rates: Rates, at: datetime) -> None:
    """Let the engine read the parameters now: what it refuses is said to the caller, not found out by the run."""
    try:
        parameters_of(stored, rates)
        changes = changes_of(stored, day=at.date())
        if changes.weights is not None:
            Policy(version=policy.version, weights=changes.weights)
    except DomainError:
        raise
    except (EngineError, ValueError) as error:
        detail = gettext_noop("The engine refuses these parameters: %(why)s.")
        raise rule_broken(PLACE, "parameters_refused", detail, why=str(error)) from error
