"""Rows turned into what the engine reads: one need; the market is in the file beside this one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from marketplace.accounts import queries as accounts
from matching.engine import Budget, EngineError, Need, NeedLine, PlaceWish
from matching.queries import spending
from matching.queries.market import Market, joined_texts, lexicon, market, rates_of
from requests_app import queries as requests

__all__ = ["Market", "beside", "lexicon", "market", "need", "need_of", "rates_of", "wants_partner"]


def need(request_id: int, *, at: datetime, exclusions: Iterable[str] = (), lines: frozenset[int] | None = None) -> Need:
    """Give a request as the engine reads it: the lines that want a partner (or the numbered ones), with what is left of them.

    ``exclusions`` are public ids of offerings whose providers refused this need. Raises EngineError where no line is left.
    """
    facts = requests.request_for_matching(request_id)
    codes = accounts.codes_of(facts.co_requester_ids | facts.excluded_organization_ids)
    taken = spending.committed([request_id], at=at).get(request_id)
    return need_of(facts, codes, exclusions=exclusions, lines=lines, committed=taken)


def need_of(
    facts: requests.RequestFacts,
    codes: Mapping[int, str],
    *,
    exclusions: Iterable[str] = (),
    lines: frozenset[int] | None = None,
    committed: Decimal | None = None,
) -> Need:
    """Give facts that were read already as the engine reads them; ``codes`` names the organizations by primary key.

    ``committed`` is what its claimed lines take of its ceiling.
    """
    wanted = [line for line in facts.lines if (line.number in lines if lines is not None else wants_partner(line))]
    window = facts.window
    if window is None:
        raise EngineError("bad_need", facts.reference, "the request has no window")
    return Need(
        id=str(facts.public_id),
        requester=facts.requesting_organization,
        lines=tuple(_line(line) for line in wanted if line.free > 0),
        window_start=window.start,
        window_end=window.end,
        texts=joined_texts(facts.title, facts.need_statement),
        co_requesters=frozenset(codes[pk] for pk in facts.co_requester_ids),
        languages_may=frozenset(facts.languages_may),
        forms=frozenset(facts.forms),
        modalities=frozenset(facts.modalities),
        place=PlaceWish(facts.place_preference, facts.place_country or None, facts.place_city or None),
        budget=Budget(
            facts.budget.amount if facts.budget else None,
            facts.budget.currency if facts.budget else None,
            facts.funding_state,
            committed,
        ),
        award=facts.award or "none",
        excluded=frozenset(codes[pk] for pk in facts.excluded_organization_ids),
        kept_apart=facts.kept_apart,
        lead_required=facts.lead_required,
        turned_down_by=frozenset(exclusions),
        opened_on=facts.opened_at.date() if facts.opened_at else None,
        context_event_on=facts.context_event_on,
        priority_facts=frozenset(facts.priority_facts),
    )


def beside(need: Need, parties: frozenset[str], *, led: bool) -> Need:
    """Give a need as it is for one more partner of a team of these organizations, which has somebody to lead or not.

    Whoever must be kept apart from one of them is ruled out.
    """
    barred = {other for pair in need.kept_apart for one, other in (pair, pair[::-1]) if one in parties}
    return replace(need, excluded=need.excluded | barred, lead_required=need.lead_required and not led)


def wants_partner(line: requests.LineFacts) -> bool:
    """Tell whether a line is to be ranked: it is open, or divisible and still short of its smallest group."""
    short = line.state == "held" and line.divisible and line.claimed < line.participants_min
    return line.free > 0 and (line.state == "open" or short)


def _line(line: requests.LineFacts) -> NeedLine:
    return NeedLine(
        number=line.number,
        theme=line.theme,
        audience=line.audience,
        minimum=max(1, min(line.participants_min - line.claimed, line.free)),
        maximum=line.free,
        country=line.country or None,
        region=line.region or None,
        language=line.language or None,
        level=line.level or None,
        governance_level=line.governance_level or None,
    )
