"""One line as it is asked: what every reason of every candidate reads of need, line and policy, looked up once."""

from collections.abc import Mapping
from dataclasses import dataclass

from matching.engine.catalogue import Catalogue
from matching.engine.policy import Policy
from matching.engine.reference.concepts import Nearness
from matching.engine.reference.rates import to_cents
from matching.engine.text.similarity import AskedTexts
from matching.engine.types import Need, NeedLine, Offer

SECURED = "secured"  # code list `funding_states`


@dataclass(frozen=True, slots=True)
class Asked:
    """A line against a catalogue under a policy; `ceiling` is what is left of it in cents, whether it binds or not."""

    need: Need
    line: NeedLine
    catalogue: Catalogue
    policy: Policy
    currency: str
    ceiling: int | None
    funded: bool
    requesters: frozenset[str]
    around: tuple[str, ...]
    nearness: Mapping[str, Nearness]
    texts: AskedTexts
    weights: tuple[int, ...]  # in the order of CRITERIA

    @classmethod
    def of(cls, need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy) -> "Asked":
        """Look up what is asked. Raises EngineError(unknown_concept, unknown_country, unknown_region)."""
        budget = need.budget
        return cls(
            need=need,
            line=line,
            catalogue=catalogue,
            policy=policy,
            currency=budget.currency or policy.currency,
            ceiling=None if budget.left is None else to_cents(budget.left),
            funded=budget.ceiling is not None and budget.funding_state == SECURED,
            requesters=need.co_requesters | {need.requester},
            around=catalogue.places.chain_of(country=line.country, region=line.region),
            nearness=catalogue.scheme.nearness(line.theme),
            texts=catalogue.texts.ask(need.texts),
            weights=policy.in_order,
        )

    def nearest(self, offer: Offer) -> Nearness:
        """Return the theme of an offer that is nearest to the one asked."""
        near = [self.nearness[theme] for theme in offer.themes if theme in self.nearness]
        return min(near) if near else Nearness.none(min(offer.themes))

    def steps(self, offer: Offer) -> int:
        """Return how far the declared coverage of an offer is from the beneficiary; see `constraints.coverage_steps`."""
        first = 0
        if self.line.country is not None:
            if self.line.country in offer.countries:
                return 0
            first = 1
        for step, region in enumerate(self.around, start=first):
            if region in offer.regions:
                return step
        return first + len(self.around) - 1
