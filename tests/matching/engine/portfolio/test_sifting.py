"""Flows through large networks by prices guessed first: the same least cost as without, proved, however bad the guess."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine.portfolio import sifting
from matching.engine.portfolio.auction import Guess, guess
from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.network import COST_TOP, Network
from matching.engine.portfolio.sifting import Best, cheapest
from tests.kit.examples import examples

NEEDS, SESSIONS, PROVIDERS, EACH = 300, 60, 12, 8


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sift networks of every size."""
    monkeypatch.setattr(sifting, "LARGE", 0)


def network(seed: int, *, seats: float, past: bool, least: bool = False) -> tuple[Network, Ints]:
    """Make needs, sessions inside providers, the end; `past`: ways past the sessions, at no cost."""
    chance = np.random.default_rng(seed)
    needs, sessions = np.arange(NEEDS), NEEDS + np.arange(SESSIONS)
    providers, end = NEEDS + SESSIONS + np.arange(PROVIDERS), NEEDS + SESSIONS + PROVIDERS
    pairs = np.repeat(needs, EACH)
    wanted = np.concatenate([chance.choice(SESSIONS, EACH, replace=False) for _ in needs])
    room = np.maximum(1, chance.poisson(seats * NEEDS / SESSIONS, SESSIONS))
    around = np.bincount(np.arange(SESSIONS) % PROVIDERS, room, minlength=PROVIDERS).astype(np.int64) * 9 // 10
    parts = [
        (pairs, NEEDS + wanted, np.ones(len(pairs), dtype=np.int64), -chance.integers(0, 10**6, len(pairs))),
        (sessions, providers[np.arange(SESSIONS) % PROVIDERS], room, np.zeros(SESSIONS, dtype=np.int64)),
        (providers, np.full(PROVIDERS, end), around, np.zeros(PROVIDERS, dtype=np.int64)),
    ]
    if past:
        parts.append((needs, np.full(NEEDS, end), np.ones(NEEDS, dtype=np.int64), np.zeros(NEEDS, dtype=np.int64)))
    tail, head, most, cost = (np.concatenate(column) for column in zip(*parts, strict=True))
    supply = np.zeros(end + 1, dtype=np.int64)
    supply[:NEEDS], supply[end] = 1, -NEEDS
    lower = np.zeros(len(tail), dtype=np.int64)
    if least:
        lower[len(pairs) : len(pairs) + SESSIONS : 7] = 1
    return Network(tail, head, lower, most, supply), cost


def keeps_bounds(network: Network, flow: Ints) -> bool:
    sent = network.supply.copy()
    np.subtract.at(sent, network.tail, flow)
    np.add.at(sent, network.head, flow)
    return bool((flow >= network.least).all() and (flow <= network.most).all() and not sent.any())


def worth(cost: Ints, flow: Ints) -> int:
    """Add up what a flow costs, beyond 64 bits too."""
    return sum(each * units for each, units in zip(cost.tolist(), flow.tolist(), strict=True))


def check(network: Network, cost: Ints, best: Best | None) -> None:
    """Hold a flow against the one that OR-Tools finds without any guess, and its prices against every arc."""
    plain = network.cheapest(cost)
    if plain is None:
        assert best is None
        return
    assert best is not None
    assert keeps_bounds(network, best.flow)
    assert worth(cost, best.flow) == worth(cost, plain)
    if best.price is not None:
        reduced = cost + best.price[network.tail] - best.price[network.head]
        assert (best.flow[reduced > 0] == network.least[reduced > 0]).all()
        assert (best.flow[reduced < 0] == network.most[reduced < 0]).all()


@pytest.mark.parametrize("seats", [0.3, 0.8, 1.3, 3.0])
@pytest.mark.parametrize("least", [False, True])
def test_flow_is_of_least_cost(seats: float, least: bool) -> None:
    for seed in range(4):
        made, cost = network(seed, seats=seats, past=True, least=least)
        check(made, cost, cheapest(made, cost))


def test_good_prices_leave_few_arcs_open(monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[int] = []
    plain = Network.cheapest

    def counted(self: Network, cost: Ints) -> Ints | None:
        solved.append(int((self.most > self.least).sum()))
        return plain(self, cost)

    monkeypatch.setattr(Network, "cheapest", counted)
    made, cost = network(1, seats=1.5, past=False)
    best = cheapest(made, cost)
    assert best is not None
    assert best.price is not None
    assert max(solved) < len(cost) // 2


def test_where_no_flow_is_there_is_none() -> None:
    made, cost = network(1, seats=0.5, past=False)
    assert cheapest(made, cost) is None


def test_costs_beyond_exact_arithmetic_are_refused() -> None:
    made, cost = network(1, seats=1.5, past=True)
    with pytest.raises(OverflowError):
        cheapest(made, cost << 40)


@pytest.mark.parametrize("seats", [0.8, 1.5])
def test_costs_at_the_edge_of_exact_arithmetic_are_solved(seats: float) -> None:
    made, cost = network(2, seats=seats, past=True)
    top = (COST_TOP - 1) // (len(made.supply) + 1)
    largest = cost * (top // int(np.abs(cost).max()))
    assert made.fits(largest)
    assert not made.fits(largest * 2)
    check(made, largest, cheapest(made, largest))


@settings(max_examples=examples(40), deadline=None)
@given(seed=st.integers(0, 1 << 30), step=st.integers(1, 10**6), spread=st.integers(1, 10**7))
def test_any_guess_ends_in_a_flow_of_least_cost(seed: int, step: int, spread: int) -> None:
    made, cost = network(seed % 50, seats=1.2, past=bool(seed % 2))
    price = np.random.default_rng(seed).integers(-spread, spread + 1, len(made.supply))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sifting, "guess", lambda *_: Guess(price, step))
        check(made, cost, cheapest(made, cost))


def test_same_network_gives_the_same_guess() -> None:
    made, cost = network(3, seats=1.2, past=False)
    first, second = guess(made, cost), guess(made, cost)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.price, second.price)


def test_equal_costs_are_no_case_for_an_auction() -> None:
    made, cost = network(3, seats=1.2, past=True)
    assert guess(made, np.sign(cost)) is None
    check(made, np.sign(cost), cheapest(made, np.sign(cost)))
