"""Reasons: for each criterion its raw figure, value, weight, contribution and one sentence; and flags of a candidate."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date

from matching.engine.catalogue import UNKNOWN, Catalogue, SlotKind, trainer_days
from matching.engine.concepts import Relation
from matching.engine.constraints import coverage_of
from matching.engine.policy import CRITERIA, Criterion, Policy
from matching.engine.rates import to_amount, to_cents
from matching.engine.results import CandidateResult, CriterionResult, SlotChoice
from matching.engine.scoring import Scored, tie_hash
from matching.engine.sentences import Param, Sentence
from matching.engine.similarity import Compared
from matching.engine.types import Need, Offer

RELATION_ORDER = (Relation.EQUAL, Relation.NARROWER, Relation.BROADER, Relation.SAME_FIELD, Relation.NONE)
KIND_CODES = {
    SlotKind.SESSION: "session",
    SlotKind.CAPACITY: "capacity",
    SlotKind.ON_REQUEST: "on_request",
    SlotKind.OPEN_ACCESS: "open_access",
    SlotKind.NOTHING: "nothing",
}


class Pair:
    """One offer at one slot for one line, with the figures planned; what all reasons are written from."""

    def __init__(self, need: Need, scored: Scored, catalogue: Catalogue, policy: Policy, position: int) -> None:
        found = scored.found
        self.need, self.line, self.catalogue, self.policy = need, scored.line, catalogue, policy
        self.offer_row = int(found.offer[position])
        self.offer: Offer = catalogue.offers[self.offer_row]
        self.slot = catalogue.slots.slots[int(found.rows[position])]
        self.start, self.end = date.fromordinal(int(found.start[position])), date.fromordinal(int(found.end[position]))
        self.seats, self.deliveries = int(found.seats[position]), int(found.deliveries[position])
        self.cost = int(found.cost[position])
        self.slack, self.notice = int(found.slack[position]), int(found.notice[position])
        self.native = bool(found.native[position])
        self.shortened, self.reduced = bool(found.shortened[position]), bool(found.reduced[position])
        self.values: list[int] = scored.values.value[position].tolist()
        self.known: list[bool] = scored.values.known[position].tolist()
        self.written = scored.written

    @property
    def currency(self) -> str:
        """Return the currency of the estimate."""
        return self.need.budget.currency or self.policy.currency

    def value(self, criterion: Criterion) -> int:
        """Return the value of a criterion."""
        return self.values[CRITERIA.index(criterion)]

    def is_known(self, criterion: Criterion) -> bool:
        """Tell whether the value rests on evidence."""
        return self.known[CRITERIA.index(criterion)]


def breakdown(pair: Pair) -> tuple[CriterionResult, ...]:
    """Return one entry for each criterion; contributions add up to the score.

    What several candidates of a line have alike is written once.
    """
    kept, entries = pair.written, []
    for number, (reason, value, known) in enumerate(zip(REASONS, pair.values, pair.known, strict=True)):
        if reason.depends_on is None:
            entries.append(_entry(pair, number, value, known))
            continue
        key = number, value, known, reason.depends_on(pair)
        entry = kept.get(key)
        if entry is None:
            entry = kept[key] = _entry(pair, number, value, known)
        entries.append(entry)
    return tuple(entries)


def _entry(pair: Pair, number: int, value: int, known: bool) -> CriterionResult:
    criterion = CRITERIA[number]
    raw, unit, sentence = REASONS[number].write(pair)
    weight = pair.policy.weights[criterion]
    return CriterionResult(criterion, raw, unit, value, weight, weight * value, known, sentence)


def evidence_share(pair: Pair) -> int:
    """Return the permille of the weights whose values rest on evidence."""
    weights = pair.policy.weights
    return sum(weights[criterion] for criterion, known in zip(CRITERIA, pair.known, strict=True) if known)


def flags(pair: Pair) -> tuple[str, ...]:
    """Return what a person should notice about the pair, as sorted codes."""
    line, offer, need = pair.line, pair.offer, pair.need
    parties = offer.organizations | {offer.provider}
    wanted_level = line.level is not None and offer.level is not None and offer.level != line.level
    raised = {
        "adaptation_needed": line.audience not in offer.audiences
        or (wanted_level and offer.customisable)
        or pair.shortened,
        "adapt_audience": line.audience not in offer.audiences,
        "adapt_level": wanted_level and offer.customisable,
        "adapt_length": pair.shortened,
        "interpretation_needed": not pair.native,
        "capacity_unknown": pair.slot.kind is SlotKind.ON_REQUEST,
        "dates_imprecise": pair.slot.kind is SlotKind.SESSION and not pair.slot.precise,
        "cost_unknown": pair.cost == UNKNOWN,
        "funding_to_be_found": need.budget.ceiling is None or need.budget.funding_state != "secured",
        "over_ceiling": need.budget.ceiling is not None and pair.cost > to_cents(need.budget.ceiling),
        "reduced_to_budget": pair.reduced,
        "fewer_than_wished": pair.seats < line.maximum,
        "joint_delivery_needed": pair.seats < pair.slot.group_min,
        "requester_is_partner": bool(parties & ({need.requester} | need.co_requesters)),
        "newcomer": offer.record.deliveries == 0,
    }
    return tuple(sorted(code for code, holds in raised.items() if holds))


def slot_choice(pair: Pair) -> SlotChoice:
    """Return the delivery of a pair."""
    dated = pair.slot.kind is SlotKind.SESSION
    return SlotChoice(
        kind=KIND_CODES[pair.slot.kind],
        code=pair.slot.code or None,
        start=pair.start,
        end=pair.end,
        precision="vague" if dated and not pair.slot.precise else "exact",
        seats=pair.seats,
        deliveries=pair.deliveries,
        trainer_days=trainer_days(pair.offer.hours) * pair.deliveries,
    )


def candidate(pair: Pair, rank: int) -> CandidateResult:
    """Return a candidate with all its reasons."""
    entries = breakdown(pair)
    return CandidateResult(
        offer=pair.offer.id,
        provider=pair.offer.provider,
        line=pair.line.number,
        rank=rank,
        slot=slot_choice(pair),
        score=sum(entry.contribution for entry in entries),
        breakdown=entries,
        evidence=evidence_share(pair),
        flags=flags(pair),
        cost=None if pair.cost == UNKNOWN else to_amount(pair.cost),
        currency=pair.currency,
        tie_hash=f"{tie_hash(pair.policy, pair.need, pair.offer.id):015x}",
    )


Written = tuple[int | None, str, Sentence]


def _theme(pair: Pair) -> Written:
    scheme = pair.catalogue.scheme
    asked = scheme.index(pair.line.theme)
    ranked = sorted(
        (
            RELATION_ORDER.index(scheme.relation(asked=asked, offered=scheme.index(theme))),
            -int(scheme.closeness[asked, scheme.index(theme)]),
            theme,
        )
        for theme in pair.offer.themes
    )
    order, closeness, theme = ranked[0]
    code = f"theme.{RELATION_ORDER[order].value}"
    return -closeness, "permille", Sentence(code, {"asked_theme": pair.line.theme, "theme": theme})


def _place(pair: Pair) -> Written:
    steps = coverage_of(pair.offer, pair.line, pair.catalogue.places)
    line = pair.line
    around = pair.catalogue.places.chain_of(country=line.country, region=line.region)
    if steps == 0:
        named = Sentence("place.named", {"country" if line.country else "region": line.country or around[0]})
        return 0, "steps", Sentence(named.code + ("_country" if line.country else "_region"), named.params)
    region = around[steps - 1 if line.country else steps]
    code = "place.world" if region == around[-1] else "place.region"
    return steps, "steps", Sentence(code, {"region": region})


def _audience(pair: Pair) -> Written:
    line, offer = pair.line, pair.offer
    if line.audience not in offer.audiences:
        return None, "none", Sentence("audience.adapted", {"audience": line.audience})
    if line.level is not None and offer.level is not None and line.level != offer.level:
        return None, "none", Sentence("audience.level_differs", {"audience": line.audience, "level": offer.level})
    return None, "none", Sentence("audience.meets", {"audience": line.audience})


def _language(pair: Pair) -> Written:
    if pair.line.language is None:
        return None, "none", Sentence("language.any", {"languages": tuple(sorted(pair.slot.languages))})
    code = "language.native" if pair.native else "language.interpreted"
    return None, "none", Sentence(code, {"language": pair.line.language})


def _dates(pair: Pair) -> Written:
    days: dict[str, Param] = {"start": pair.start.isoformat(), "end": pair.end.isoformat(), "days": pair.slack}
    if pair.shortened:
        return 0, "days", Sentence("dates.shortened", days)
    code = KIND_CODES[pair.slot.kind]
    if pair.slot.kind is SlotKind.SESSION and not pair.slot.precise:
        code = "session_vague"
    return pair.slack, "days", Sentence(f"dates.{code}", days)


def _group(pair: Pair) -> Written:
    code = "group.all" if pair.seats >= pair.line.maximum else "group.some"
    params = {"seats": pair.seats, "wished": pair.line.maximum, "deliveries": pair.deliveries}
    return pair.seats, "participants", Sentence(code, params)


def _cost(pair: Pair) -> Written:
    if pair.cost == UNKNOWN:
        return None, "cents", Sentence("cost.unknown")
    amount = f"{to_amount(pair.cost)} {pair.currency}"
    if pair.need.budget.ceiling is None:
        return pair.cost, "cents", Sentence("cost.no_ceiling", {"amount": amount})
    within = pair.cost <= to_cents(pair.need.budget.ceiling)
    return pair.cost, "cents", Sentence("cost.within" if within else "cost.over", {"amount": amount})


def _track_record(pair: Pair) -> Written:
    record, value = pair.offer.record, pair.value(Criterion.TRACK_RECORD)
    if not record.evaluations:
        return 0, "evaluations", Sentence("track_record.none", {"value": value})
    params = {"evaluations": record.evaluations, "mean": record.mean, "value": value}
    return record.evaluations, "evaluations", Sentence("track_record.measured", params)


def _lead_time(pair: Pair) -> Written:
    return pair.notice, "days", Sentence("lead_time.days", {"days": pair.notice})


def _text(pair: Pair) -> Written:
    value = pair.value(Criterion.TEXT)
    basis, themes = pair.catalogue.texts.compared(pair.need.texts, pair.offer_row)
    if basis is Compared.WORDS:
        return value, "permille", Sentence("text.alike", {"percent": value // 10})
    if basis is Compared.NOTHING:
        return value, "permille", Sentence("text.no_common_language")
    said = Sentence("text.by_concepts", {"themes": themes}) if themes else Sentence("text.no_common_concept")
    return value, "permille", said


def _award(pair: Pair) -> Written:
    if pair.need.award == "none":
        return None, "none", Sentence("award.not_asked")
    if pair.offer.award is None:
        return None, "none", Sentence("award.unknown", {"award": pair.need.award})
    code = "award.given" if pair.value(Criterion.AWARD) else "award.missing"
    return None, "none", Sentence(code, {"award": pair.offer.award})


def _load(pair: Pair) -> Written:
    if not pair.is_known(Criterion.LOAD):
        return None, "permille", Sentence("load.unknown")
    value = pair.value(Criterion.LOAD)
    return value, "permille", Sentence("load.free", {"percent": value // 10})


def _newcomer(pair: Pair) -> Written:
    done = pair.offer.record.deliveries
    code = "newcomer.first" if done == 0 else "newcomer.deliveries"
    return done, "deliveries", Sentence(code, {"deliveries": done})


@dataclass(frozen=True, slots=True)
class Reason:
    """How one criterion is written.

    `depends_on` gives all that the writer reads of a pair besides line and request, its value and whether it is known;
    without it nearly every pair has its own figures.
    """

    write: Callable[[Pair], Written]
    depends_on: Callable[[Pair], Hashable] | None = None


def _coverage(pair: Pair) -> Hashable:
    offer, country = pair.offer, pair.line.country
    return country in offer.countries or (offer.regions, offer.worldwide)


REASONS_BY_CRITERION: dict[Criterion, Reason] = {
    Criterion.THEME: Reason(_theme, lambda pair: pair.offer.themes),
    Criterion.PLACE: Reason(_place, _coverage),
    Criterion.AUDIENCE: Reason(_audience, lambda pair: (pair.line.audience in pair.offer.audiences, pair.offer.level)),
    Criterion.LANGUAGE: Reason(_language, lambda pair: (pair.native, pair.slot.languages)),
    Criterion.DATES: Reason(_dates),
    Criterion.GROUP: Reason(_group, lambda pair: (pair.seats, pair.deliveries)),
    Criterion.COST: Reason(_cost),
    Criterion.TRACK_RECORD: Reason(_track_record),
    Criterion.LEAD_TIME: Reason(_lead_time, lambda pair: pair.notice),
    Criterion.TEXT: Reason(_text),
    Criterion.AWARD: Reason(_award, lambda pair: pair.offer.award),
    Criterion.LOAD: Reason(_load, lambda _: None),
    Criterion.NEWCOMER: Reason(_newcomer, lambda pair: pair.offer.record.deliveries),
}
REASONS = tuple(REASONS_BY_CRITERION[criterion] for criterion in CRITERIA)
