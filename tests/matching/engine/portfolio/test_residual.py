"""Figures from the residual network are those of solving again."""

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.parts import split
from matching.engine.portfolio.report import Change
from matching.engine.portfolio.residual import Effect, residual
from matching.engine.portfolio.resolving import difference, forced
from matching.engine.portfolio.results import INFEASIBLE, Settings
from matching.engine.portfolio.standing import Standing
from tests.kit.examples import examples
from tests.matching.engine.portfolio import exhaustive

NO_WORST = Settings(worst_served=False)


def as_change(effect: Effect) -> Change:
    return Change(effect.served, 0, effect.total_score, effect.kept)


def above(instance: Instance, score: int) -> Instance:
    low = np.flatnonzero(instance.pairs.score < score).tolist()
    return replace(instance, banned=instance.banned | (set(low) - instance.locked))


@settings(max_examples=examples(120))
@given(exhaustive.flows(), exhaustive.settings_drawn)
def test_forcing_a_pair_gives_the_figures_of_the_plan_solved_again(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    standing = Standing(instance, plan, chosen)
    within = above(instance, standing.least_score)
    for part in split(standing):
        network = residual(standing, part, least_score=standing.least_score)
        assert network is not None
        for pair in part.pairs.tolist():
            if pair in plan.chosen or pair in within.banned:
                continue
            again = exhaustive.best(forced(within, pair), replace(chosen, worst_served=False))
            effect = network.force(int(instance.pairs.need[pair]), pair)
            assert (effect is None) == (again.status == INFEASIBLE)
            if effect is not None:
                expected = difference(plan, again, replace(chosen, worst_served=False))
                assert as_change(effect) == expected


@settings(max_examples=examples(120))
@given(exhaustive.flows(), exhaustive.settings_drawn, st.booleans())
def test_one_more_unit_gives_the_figures_of_the_plan_solved_again(
    instance: Instance, chosen: Settings, served_only: bool
) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    standing = Standing(instance, plan, chosen)
    least = 0 if served_only else standing.least_score
    for part in split(standing):
        network = residual(standing, part, least_score=least, served_only=served_only)
        assert network is not None
        for place, number in enumerate(part.capacities.tolist()):
            more = list(instance.capacities)
            unit = int(max(instance.pairs.use_amount[instance.pairs.use_capacity == number], default=1))
            more[number] = replace(more[number], maximum=(more[number].maximum // unit + 1) * unit)
            raised = above(replace(instance, capacities=tuple(more)), least)
            again = exhaustive.best(raised, replace(chosen, worst_served=False))
            effect = network.one_more(place)
            expected = difference(plan, again, replace(chosen, worst_served=False))
            assert effect.served == expected.served
            if not served_only:
                assert as_change(effect) == expected
