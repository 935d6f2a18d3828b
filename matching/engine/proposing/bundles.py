"""Bundles in sequence: a course in person, then an offer online that keeps what was learnt alive.

The first step is one of the best candidates of a line that is given in person or blended. The second treats the same
theme or a part of it, online and open at any time or dated, in the same language, and begins after the first has ended,
within `policy.follow_up_days`. Both keep the hard constraints of the line, the form and modality of the follow-up aside:
it comes on top of what was asked, and says so where its form was not asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from matching.engine.catalogue import OPEN_ACCESS_FORMS, UNKNOWN, Catalogue, SlotKind
from matching.engine.explaining.explanation import Pair, slot_choice
from matching.engine.policy import Policy
from matching.engine.reference.concepts import Relation
from matching.engine.reference.rates import Rates, to_amount
from matching.engine.results import BundlePlan, BundleStep
from matching.engine.scoring import Scored, score_line, tie_hash
from matching.engine.screening.narrowing import screen_able
from matching.engine.screening.pricing import ceiling_cents
from matching.engine.sentences import Param, Sentence
from matching.engine.types import Need, PlaceWish

FIRST_MODALITIES = frozenset({"in_person", "blended"})
FOLLOW_UP_MODALITY = "online"
DEPTH = 5  # candidates of each step that are looked at
FIRST_SHARE, WHOLE = 2, 3  # the first step carries two thirds of the score: the follow-up deepens, it does not replace

Order = tuple[int, int, int, int, int]


def bundles(
    need: Need, scored: Sequence[Scored], catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates
) -> tuple[BundlePlan, ...]:
    """Return the best bundles for the lines of a need, at most `policy.bundles`.

    `scored` are the lines as ranked. The score of a bundle is (2 first + follow-up) / 3, rounded down; ties: line,
    earlier start of the first, then of the second step, tie hash.
    """
    found: list[tuple[Order, BundlePlan]] = []
    for entry in scored:
        firsts = [pair for pair in _pairs(entry) if _may_begin(pair)]
        if firsts:
            after = _follow_ups(need, entry, catalogue, policy, as_of, rates)
            found += [_ranked(policy, first, second) for first in firsts for second in _matching(first, after)]
    best = sorted(found, key=lambda entry: entry[0])[: policy.bundles]
    return tuple(replace(plan, rank=rank) for rank, (_, plan) in enumerate(best, start=1))


def _pairs(entry: Scored) -> Iterator[Pair]:
    for position in entry.best[:DEPTH]:
        yield Pair(entry, position)


def _may_begin(pair: Pair) -> bool:
    return pair.offer.modality in FIRST_MODALITIES and pair.offer.form not in OPEN_ACCESS_FORMS


def _follow_ups(
    need: Need, entry: Scored, catalogue: Catalogue, policy: Policy, as_of: date, rates: Rates
) -> list[Pair]:
    """Return the slots that could follow, best offer first: the line itself, later, online, in whatever form."""
    wanted = replace(
        need,
        forms=frozenset(),
        modalities=frozenset({FOLLOW_UP_MODALITY}),
        window_end=_later(need.window_end, policy.follow_up_days),
        place=PlaceWish(),
        award="none",
    )
    found = screen_able(wanted, entry.line, catalogue, policy, as_of=as_of, rates=rates)
    scored = score_line(wanted, entry.line, catalogue, policy, found)
    pairs = (
        Pair(scored, position) for offer in list(scored.by_offer)[: 2 * DEPTH] for position in scored.by_offer[offer]
    )
    return [pair for pair in pairs if _on_theme(pair)]


def _on_theme(pair: Pair) -> bool:
    scheme = pair.catalogue.scheme
    asked = scheme.index(pair.line.theme)
    kept = (Relation.EQUAL, Relation.NARROWER)
    return any(scheme.relation(asked=asked, offered=scheme.index(theme)) in kept for theme in pair.offer.themes)


def _matching(first: Pair, after: Sequence[Pair]) -> Iterator[Pair]:
    """Yield for each offer the first slot that fits behind the first step."""
    seen: set[str] = {first.offer.id}
    for second in after:
        if second.offer.id not in seen and _fits(first, second):
            seen.add(second.offer.id)
            yield second


def _fits(first: Pair, second: Pair) -> bool:
    latest = _later(first.end, first.policy.follow_up_days)
    begins = max(_later(first.end, 1), second.start) if second.slot.kind is SlotKind.OPEN_ACCESS else second.start
    same_language = first.line.language is not None or bool(first.slot.languages & second.slot.languages)
    limit = ceiling_cents(first.need, first.policy)
    cost = _cost(first, second)
    return first.end < begins <= latest and same_language and (limit is None or cost == UNKNOWN or cost <= limit)


def _later(day: date, days: int) -> date:
    """Return the day so many days later; "until the last day there is" stays that."""
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def _cost(first: Pair, second: Pair) -> int:
    return UNKNOWN if UNKNOWN in (first.cost, second.cost) else first.cost + second.cost


def _score(pair: Pair) -> int:
    return sum(pair.policy.weights[criterion] * pair.value(criterion) for criterion in pair.policy.weights)


def _step(pair: Pair, begins: date) -> BundleStep:
    slot = slot_choice(pair)
    if begins > slot.start:
        slot = replace(slot, start=begins, end=max(begins, slot.end))
    cost = None if pair.cost == UNKNOWN else to_amount(pair.cost)
    return BundleStep(
        pair.offer.id, pair.offer.provider, pair.offer.form, pair.offer.modality, slot, _score(pair), cost
    )


def _ranked(policy: Policy, first: Pair, second: Pair) -> tuple[Order, BundlePlan]:
    steps = (
        _step(first, first.start),
        _step(second, max(second.start, _later(first.end, 1))),
    )
    score = (FIRST_SHARE * steps[0].score + (WHOLE - FIRST_SHARE) * steps[1].score) // WHOLE
    cost = _cost(first, second)
    asked = not first.need.forms or second.offer.form in first.need.forms
    plan = BundlePlan(
        rank=0,
        line=first.line.number,
        steps=steps,
        score=score,
        cost=None if cost == UNKNOWN else to_amount(cost),
        currency=first.currency,
        flags=() if asked else ("form_not_asked",),
        sentences=_sentences(first, steps, cost, asked=asked),
    )
    tie = tie_hash(policy, first.need, f"{first.offer.id}>{second.offer.id}")
    begins = [step.slot.start.toordinal() for step in steps]
    return (-score, plan.line, begins[0], begins[1], tie), plan


def _sentences(first: Pair, steps: tuple[BundleStep, ...], cost: int, *, asked: bool) -> tuple[Sentence, ...]:
    days: dict[str, Param] = {
        "start": steps[0].slot.start.isoformat(),
        "end": steps[0].slot.end.isoformat(),
        "later": steps[1].slot.start.isoformat(),
    }
    said = [
        Sentence("bundle.first", days | {"offering": steps[0].offer, "modality": steps[0].modality}),
        Sentence("bundle.then", days | {"offering": steps[1].offer, "form": steps[1].form, "theme": first.line.theme}),
    ]
    if cost == UNKNOWN:
        said.append(Sentence("bundle.cost_unknown"))
    else:
        said.append(Sentence("proposal.cost", {"amount": f"{to_amount(cost)} {first.currency}"}))
    if not asked:
        said.append(Sentence("bundle.form_not_asked", {"form": steps[1].form}))
    return tuple(said)
