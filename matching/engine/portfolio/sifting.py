"""Flows of least cost through large networks: solved among the arcs that good prices leave open, and proved among all.

A flow is best when there are prices under which no arc gains by carrying more or less (complementary slackness). So
arcs that a guess of prices makes far too dear or far too cheap are held at the least or the most that they may carry,
and the rest is solved. Its prices are then held against every arc: where one gains, it is let go and the rest is solved
again. What is returned is proved so, however good the guess was.
"""

from dataclasses import dataclass, replace

import numpy as np

from matching.engine.portfolio.auction import guess
from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.network import Network

LARGE = 20_000  # free arcs; below, sifting costs more than it saves
SLACK = 8  # steps of the auction: what is dearer or cheaper than that is held at first
WIDER = 3  # times the slack, where there is no flow
TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """A flow of least cost [arcs] and, where they were worked out, prices [nodes] that prove it."""

    flow: Ints
    price: Ints | None = None


def cheapest(network: Network, cost: Ints) -> Best | None:
    """Return a flow of least cost, or None when no flow keeps the bounds. Raises OverflowError."""
    found = _sifted(network, cost) if np.count_nonzero(network.most > network.least) >= LARGE else None
    if found is None:
        flow = network.cheapest(cost)
        return None if flow is None else Best(flow)
    return found


def _sifted(network: Network, cost: Ints) -> Best | None:
    """Find the flow among few arcs; None when that does not get on."""
    opening = guess(network, cost) if network.fits(cost) else None
    if opening is None:
        return None
    reduced = cost + opening.price[network.tail] - opening.price[network.head]
    far = SLACK * opening.step
    dear, cheap = reduced > far, reduced < -far
    for _ in range(TRIES):
        part = replace(
            network,
            least=np.where(cheap, network.most, network.least),
            most=np.where(dear, network.least, network.most),
        )
        charged = np.where(part.most > part.least, reduced, 0)
        flow = part.cheapest(charged) if part.fits(charged) else None
        if flow is None:
            far *= WIDER
            dear, cheap = dear & (reduced > far), cheap & (reduced < -far)
            continue
        more = part.potentials(charged, flow)
        gains = _gains(network, flow, reduced + more[network.tail] - more[network.head])
        if not gains.any():
            return Best(flow, opening.price + more)
        dear, cheap = dear & ~gains, cheap & ~gains
    return None


def _gains(network: Network, flow: Ints, reduced: Ints) -> Flags:
    """Mark the arcs on which more or less flow would be cheaper. [arcs]"""
    gains: Flags = ((reduced < 0) & (flow < network.most)) | ((reduced > 0) & (flow > network.least))
    return gains
