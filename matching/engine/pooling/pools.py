"""From wishes to disjoint pools: pairs first, the best gain first, each grown as long as that gains more.

Gain, in this order: lines served that nobody serves alone, cents saved, deliveries saved. A pool that would cost more
than its members alone is none. Greedy, and said so: choosing the best set of pools exactly is a set packing problem.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import combinations

from matching.engine.catalogue import UNKNOWN, Catalogue
from matching.engine.policy import Policy
from matching.engine.pooling.joint import Alone, Market, Session, alone, session
from matching.engine.pooling.likeness import JointNeed, Wish, join
from matching.engine.pooling.results import Pool, PoolMember
from matching.engine.reference.rates import Rates, to_amount
from matching.engine.sentences import Sentence
from matching.engine.types import Need

MOST_MEMBERS = 6
NEIGHBOURS = 8  # wishes with the most similar windows that each one is compared with

Key = tuple[str, int]
Gain = tuple[int, int, int]


@dataclass(slots=True)
class Pooling:
    """What has been worked out so far; each question is asked once."""

    market: Market
    alone: dict[Key, Alone] = field(default_factory=dict)
    sessions: dict[tuple[Key, ...], Session | None] = field(default_factory=dict)

    def by_itself(self, wish: Wish) -> Alone:
        """Return what a wish gets alone."""
        if wish.key not in self.alone:
            self.alone[wish.key] = alone(wish, self.market)
        return self.alone[wish.key]

    def together(self, wishes: Sequence[Wish]) -> Session | None:
        """Return the joint session of some wishes."""
        key = tuple(sorted(wish.key for wish in wishes))
        if key not in self.sessions:
            joint = join(wishes, self.market.catalogue.scheme, self.market.catalogue.places)
            self.sessions[key] = session(joint, self.market) if joint is not None else None
        return self.sessions[key]

    def gain(self, found: Session) -> Gain:
        """Return what a session gains over each wish alone."""
        apart = [self.by_itself(wish) for wish in found.joint.wishes]
        opened = sum(not entry.served for entry in apart)
        saved = saving(found, apart)
        return opened, 0 if saved is None else saved, sum(entry.deliveries for entry in apart) - 1


def pool(needs: Sequence[Need], catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates) -> tuple[Pool, ...]:
    """Return disjoint pools of lines of different requests, the greatest gain first; costs in the policy's currency.

    Same inputs, same pools, in whatever order the needs are given.
    Raises EngineError(unknown_concept, unknown_country, unknown_region).
    """
    state = Pooling(Market(catalogue, policy, as_of, rates))
    wishes = [Wish(need, line) for need in sorted(needs, key=lambda entry: entry.id) for line in need.lines]
    found: list[Session] = []
    taken: set[Key] = set()
    for _, pair in sorted(_pairs(wishes, state), key=lambda entry: entry[0]):
        members = pair.joint.wishes
        if not taken.intersection(wish.key for wish in members):
            grown = _grown(pair, [wish for wish in wishes if wish.key not in taken], state)
            taken.update(wish.key for wish in grown.joint.wishes)
            found.append(grown)
    ordered = sorted(found, key=lambda entry: _order(entry, state))
    return tuple(replace(_described(entry, state), rank=rank) for rank, entry in enumerate(ordered, start=1))


def saving(found: Session, apart: Sequence[Alone]) -> int | None:
    """Return the cents saved by the members whose cost alone is known; None where it is known of none, or not together."""
    known = [(entry.cost, share) for entry, share in zip(apart, found.shares, strict=False) if entry.cost != UNKNOWN]
    return sum(cost - share for cost, share in known) if known else None


def _order(found: Session, state: Pooling) -> tuple[int, int, int, tuple[Key, ...]]:
    opened, saved, deliveries = state.gain(found)
    return -opened, -saved, -deliveries, tuple(wish.key for wish in found.joint.wishes)


def _worth_it(found: Session, state: Pooling) -> bool:
    opened, saved, deliveries = state.gain(found)
    return saved >= 0 and (opened > 0 or saved > 0 or deliveries > 0)


def _pairs(wishes: list[Wish], state: Pooling) -> Iterator[tuple[tuple[int, int, int, tuple[Key, ...]], Session]]:
    """Yield the pairs worth a session of their own, each with its place in the order."""
    for one, other in _likely(wishes, state):
        found = state.together((one, other))
        if found is not None and _worth_it(found, state):
            yield _order(found, state), found


def _likely(wishes: list[Wish], state: Pooling) -> Iterator[tuple[Wish, Wish]]:
    """Yield pairs of the same field, audience and language; in a crowd, each with the nearest windows only."""
    scheme = state.market.catalogue.scheme
    crowds: dict[tuple[int, str], list[Wish]] = {}
    for wish in wishes:
        top = scheme.ancestry[scheme.index(wish.line.theme)][-1]
        crowds.setdefault((top, wish.line.audience), []).append(wish)
    for _, crowd in sorted(crowds.items()):
        near: dict[Key, list[tuple[int, Wish]]] = {}
        for one, other in combinations(crowd, 2):
            if join((one, other), scheme, state.market.catalogue.places) is not None:
                apart = abs((one.need.window_start - other.need.window_start).days)
                apart += abs((one.need.window_end - other.need.window_end).days)
                near.setdefault(one.key, []).append((apart, other))
        for one in crowd:
            for _, other in sorted(near.get(one.key, []), key=lambda entry: (entry[0], entry[1].key))[:NEIGHBOURS]:
                yield one, other


def _grown(pair: Session, free: list[Wish], state: Pooling) -> Session:
    """Add the wish that gains most, again and again, while that gains anything."""
    best = pair
    while len(best.joint.wishes) < MOST_MEMBERS:
        inside = {wish.key for wish in best.joint.wishes}
        larger = [
            found
            for wish in free
            if wish.key not in inside and _could_join(best.joint, wish)
            for found in [state.together((*best.joint.wishes, wish))]
            if found is not None and _worth_it(found, state) and state.gain(found) > state.gain(best)
        ]
        if not larger:
            return best
        best = min(larger, key=lambda entry: _order(entry, state))
    return best


def _could_join(joint: JointNeed, wish: Wish) -> bool:
    """Tell cheaply whether a closer look is worth it."""
    languages = {joint.line.language, wish.line.language} - {None}
    return joint.line.audience == wish.line.audience and len(languages) < 2


def _described(found: Session, state: Pooling) -> Pool:
    joint, policy = found.joint, state.market.policy
    apart = [state.by_itself(wish) for wish in joint.wishes]
    saved = saving(found, apart)
    members = tuple(
        PoolMember(
            need=wish.need.id,
            line=wish.line.number,
            participants=people,
            served_alone=entry.served,
            alone=None if entry.cost == UNKNOWN else to_amount(entry.cost),
            share=to_amount(found.shares[number]) if found.shares else None,
        )
        for number, (wish, people, entry) in enumerate(zip(joint.wishes, found.participants, apart, strict=True))
    )
    return Pool(
        rank=0,
        members=members,
        theme=joint.line.theme,
        language=joint.line.language,
        audience=joint.line.audience,
        level=joint.line.level,
        country=joint.line.country,
        region=joint.line.region,
        window_start=joint.need.window_start,
        window_end=joint.need.window_end,
        participants=sum(found.participants),
        offers=found.offers,
        cost=None if found.cost == UNKNOWN else to_amount(found.cost),
        saving=None if saved is None else to_amount(saved),
        currency=policy.currency,
        deliveries_saved=sum(entry.deliveries for entry in apart) - 1,
        sentences=_sentences(
            found, members, None if saved is None else f"{to_amount(saved)} {policy.currency}", policy
        ),
    )


def _sentences(
    found: Session, members: tuple[PoolMember, ...], saved: str | None, policy: Policy
) -> tuple[Sentence, ...]:
    joint, line = found.joint, found.joint.line
    summary: dict[str, str | int | tuple[str, ...]] = {
        "lines": len(members),
        "needs": len({member.need for member in members}),
        "participants": sum(found.participants),
        "start": joint.need.window_start.isoformat(),
        "end": joint.need.window_end.isoformat(),
    }
    said = [
        Sentence("pool.summary_unpriced", summary)
        if saved is None
        else Sentence("pool.summary", summary | {"amount": saved}),
        Sentence(
            "pool.same_theme" if len({wish.line.theme for wish in joint.wishes}) == 1 else "pool.near_theme",
            {"theme": line.theme},
        ),
        Sentence("pool.any_language")
        if line.language is None
        else Sentence("pool.same_language", {"language": line.language}),
        Sentence("pool.same_audience", {"audience": line.audience}),
    ]
    if line.country is not None:
        said.append(Sentence("pool.same_country", {"country": line.country}))
    elif line.region is not None:
        said.append(Sentence("pool.same_region", {"region": line.region}))
    said.append(Sentence("pool.window", {"days": (joint.need.window_end - joint.need.window_start).days + 1}))
    said += [_share(member, policy.currency) for member in members if member.share is not None]
    return tuple(said)


def _share(member: PoolMember, currency: str) -> Sentence:
    params: dict[str, str | int | tuple[str, ...]] = {
        "need": member.need,
        "line": str(member.line),
        "participants": member.participants,
        "amount": f"{member.share} {currency}",
    }
    if member.alone is not None:
        return Sentence("pool.share", params | {"price": f"{member.alone} {currency}"})
    code = "pool.share_unpriced" if member.served_alone else "pool.share_only_together"
    return Sentence(code, params)
