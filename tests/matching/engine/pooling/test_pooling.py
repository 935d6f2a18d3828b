"""Pooling: lines that belong together, one session that serves them all, and costs shared to the cent."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    Cost,
    Need,
    Offer,
    PlaceWish,
    Pool,
    canonical,
    pool,
    render,
)
from matching.engine.pooling.joint import divided
from tests.kit.examples import examples
from tests.matching.engine import golden, world
from tests.matching.engine.world import line, need, offer, session

OPEN = Budget(None, "USD", "none")


def pools(needs: list[Need], *offers: Offer) -> tuple[Pool, ...]:
    return pool(needs, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)


ON_LINE = {"theme", "audience", "language", "country", "level"}


def wish(name: str, **facts: object) -> Need:
    own = {"minimum": 8, "maximum": 12} | {key: value for key, value in facts.items() if key in ON_LINE}
    other = {key: value for key, value in facts.items() if key not in ON_LINE}
    return need(line(1, **own), **({"id": name, "budget": OPEN} | other))


def small_offer(name: str = "A", **facts: object) -> Offer:
    """One session of 30, whatever the group; 10,000 a delivery."""
    slot = session(f"S-{name}", seats_min=8)
    return offer(name, **({"participants_min": 8, "sessions": (slot,)} | facts))


def test_like_needs_share_one_session_and_its_cost() -> None:
    [found] = pools([wish("R-1"), wish("R-2")], small_offer())
    assert [(member.need, member.line, member.participants) for member in found.members] == [
        ("R-1", 1, 12),
        ("R-2", 1, 12),
    ]
    assert [member.alone for member in found.members] == [Decimal(10000), Decimal(10000)]
    assert [member.share for member in found.members] == [Decimal(5000), Decimal(5000)]
    assert (found.cost, found.saving, found.deliveries_saved) == (Decimal(10000), Decimal(10000), 1)
    assert [entry.offer for entry in found.offers] == ["A"]


def test_lines_too_small_alone_are_served_together() -> None:
    big_group = small_offer(participants_min=15, sessions=(session("S", seats_min=15),))
    [found] = pools([wish("R-1"), wish("R-2")], big_group)
    assert [member.served_alone for member in found.members] == [False, False]
    assert found.saving is None
    assert [said.code for said in found.sentences][-1] == "pool.share_only_together"


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "recruitment"},
        {"theme": "smuggling"},
        {"audience": "judges"},
        {"language": "fr"},
        {"level": "advanced"},
        {"country": "TUN"},
        {"window_start": date(2028, 1, 1), "window_end": date(2028, 3, 1)},
        {"forms": frozenset({"workshop"})},
        {"excluded": frozenset({"P-A"})},
        {"place": PlaceWish("fixed", "TUN", "Tunis")},
    ],
    ids=["field", "sibling", "audience", "language", "level", "region", "window", "form", "excluded", "place"],
)
def test_needs_that_differ_stay_apart(change: dict[str, object]) -> None:
    assert pools([wish("R-1", forms=frozenset({"course"})), wish("R-2", **change)], small_offer()) == ()


def test_narrower_theme_and_other_country_of_the_region_go_together() -> None:
    [found] = pools(
        [wish("R-1"), wish("R-2", theme="victims", country="MLI")], small_offer(themes=frozenset({"victims"}))
    )
    assert (found.theme, found.country, found.region) == ("victims", None, "011")
    codes = [said.code for said in found.sentences]
    assert "pool.near_theme" in codes
    assert "pool.same_region" in codes


def test_lines_of_one_request_are_no_pool() -> None:
    both = need(line(1, minimum=8, maximum=12), line(2, minimum=8, maximum=12), budget=OPEN)
    assert pools([both], small_offer()) == ()


def test_share_beyond_a_secured_ceiling_makes_no_pool() -> None:
    poor = wish("R-1", budget=Budget(Decimal(4000), "USD", "secured"))
    assert pools([poor, wish("R-2")], small_offer()) == ()
    fair = wish("R-1", budget=Budget(Decimal(5000), "USD", "secured"))
    assert len(pools([fair, wish("R-2")], small_offer())) == 1


def test_pool_grows_while_that_gains() -> None:
    three = [wish("R-1"), wish("R-2"), wish("R-3")]
    wide = small_offer(participants_max=36, sessions=(session("S", seats_total=36, seats_free=36, seats_min=8),))
    [found] = pools(three, wide)
    assert len(found.members) == 3
    assert found.cost == Decimal(10000)
    assert [member.share for member in found.members] == [Decimal("3333.34"), Decimal("3333.33"), Decimal("3333.33")]


def test_pool_that_would_cost_more_is_none() -> None:
    cheap = small_offer("A", participants_max=12, sessions=(session("S1", seats_total=12, seats_free=12, seats_min=8),))
    dear = small_offer("B", cost=Cost(Decimal(90000), Decimal(0), "USD"), sessions=(session("S2", seats_min=20),))
    assert pools([wish("R-1"), wish("R-2")], cheap, dear) == ()


@pytest.mark.parametrize("pair", golden.demo()["cases"]["near_duplicates"], ids=lambda pair: str(pair[0]))
def test_near_duplicates_of_the_demo_come_out_together(pair: list[str]) -> None:
    rows = golden.demo()["training_requests"]
    there = [row["reference"] for row in rows if row["state"] in {"open", "submitted"} and row["reference"]]
    found = pool(
        [golden.need(reference) for reference in there],
        golden.catalogue(golden.today()),
        DEFAULT_POLICY,
        as_of=golden.today(),
        rates=golden.rates(),
    )
    assert any(set(pair) <= {member.need for member in entry.members} for entry in found)


def test_sentences_of_a_pool_in_both_languages() -> None:
    [found] = pools([wish("R-1"), wish("R-2")], small_offer())
    english, french = ([render(said, code) for said in found.sentences] for code in ("en", "fr"))
    assert english[0] == (
        "2 lines of 2 requests could share one session: 24 participants, 2027-03-01 to 2027-09-30, saving USD 10,000."
    )
    assert "Elles portent sur le même thème : trafficking." in french


@given(st.integers(0, 10**12), st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_shares_add_up_to_the_cent(total: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)
    parts = divided(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(world.needs(most_lines=2), min_size=2, max_size=5), world.catalogues(4), st.booleans())
def test_every_pool_keeps_the_promises(drawn: list[Need], offers: list[Offer], alike: bool) -> None:
    needs = [replace(entry, id=f"R-{number}") for number, entry in enumerate(drawn)]
    if alike:  # the same line in every request, so that there is something to pool
        needs = [
            replace(
                entry,
                lines=drawn[0].lines,
                window_start=drawn[0].window_start,
                window_end=max(drawn[0].window_start, entry.window_end),
            )
            for entry in needs
        ]
    found = pools(needs, *offers)
    assert canonical(pools(list(reversed(needs)), *reversed(offers))) == canonical(found)
    keys = [(member.need, member.line) for entry in found for member in entry.members]
    assert len(keys) == len(set(keys))
    known = {entry.id: entry for entry in needs}
    for entry in found:
        assert len({member.need for member in entry.members}) == len(entry.members) > 1
        assert entry.offers
        assert entry.participants == sum(member.participants for member in entry.members)
        for member in entry.members:
            asked = known[member.need].line(member.line)
            assert asked.minimum <= member.participants <= asked.maximum
            assert known[member.need].window_start <= entry.window_start <= entry.window_end
            assert entry.window_end <= known[member.need].window_end
            assert asked.language in (None, entry.language)
        shares = [member.share for member in entry.members if member.share is not None]
        assert (entry.cost is None) == (not shares)
        assert entry.cost is None or sum(shares) == entry.cost
        assert entry.saving is None or entry.saving >= 0


def test_session_of_another_kind_of_slot_counts_one_delivery() -> None:
    on_request = small_offer(sessions=(), on_request=True)
    [found] = pools([wish("R-1"), wish("R-2")], on_request)
    assert found.offers[0].slot.kind == "on_request"
    assert found.offers[0].slot.deliveries == 1
