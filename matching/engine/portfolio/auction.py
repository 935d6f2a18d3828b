"""First prices for a large network by an auction, so that a flow of least cost has to look at few of the arcs.

Nodes that supply one unit bid for a way out, on which every node has as much room as its own arcs let out: Bertsekas and
Castanon 1989, "The auction algorithm for the transportation problem", in rounds of all bidders at once, with nodes one
inside the other. It ends early, and what it returns is a guess, which proves nothing.
"""

from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.network import Network

STEPS = 200  # a bid rises by a two-hundredth of the spread of the costs, and more
ROUNDS = 150
BIDS = 6  # for each bidder on average; where these do not do, an auction is no way
IDLE_SHARE = 200  # one bidder in so many may be left without anything
TOP = np.iinfo(np.int64).max >> 1


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """Prices of the nodes in the sense of `Network.potentials` [nodes], and the step by which they are wrong or more."""

    price: Ints
    step: int


@dataclass(slots=True, eq=False)
class _Auction:
    """Who may bid for what, and who holds what for now.

    Shapes: `first`, `size`, `held`, `bid` [bidders]; `goal`, `cost` [arcs, by bidder]; `room`, `outer`, `price` [nodes].
    `held` is the node that a bidder holds or -1; `outer` is the node that a node lies in (the last ones: in themselves),
    `price` what it takes to get into a node and all around it.
    """

    first: Ints
    size: Ints
    goal: Ints
    cost: Ints
    room: Ints
    outer: Ints
    depth: int
    price: Ints
    held: Ints
    bid: Ints
    step: int
    spread: int

    def least(self, members: Ints) -> tuple[Ints, Ints, Ints]:
        """Return for some bidders their cheapest arc, what it costs, and what the next best one does. [members]"""
        size = self.size[members]
        first = np.cumsum(size) - size
        arc = np.repeat(self.first[members] - first, size)
        arc += np.arange(len(arc))
        asked = self.cost[arc] + self.price[self.goal[arc]]
        best = np.minimum.reduceat(asked, first)
        equal = np.flatnonzero(asked == np.repeat(best, size))
        place = equal[np.searchsorted(equal, first)]
        asked[place] = TOP
        return arc[place], best, np.minimum.reduceat(asked, first)

    def round(self, idle: Ints) -> Ints:
        """Let the idle bid and return who is idle then."""
        arc, best, second = self.least(idle)
        node = self.held.copy()
        node[idle] = self.goal[arc]
        self.held[idle] = node[idle]
        self.bid[idle] = self.price[node[idle]] + np.minimum(second - best, self.spread) + self.step
        for _ in range(self.depth):
            self._admit(node, idle)
            node = self.outer[node]
        for _ in range(self.depth - 1):
            self.price = np.maximum(self.price, self.price[self.outer])
        return np.flatnonzero(self.held < 0)

    def _admit(self, node: Ints, idle: Ints) -> None:
        """Keep the highest bids that there is room for where the idle have come. `node` [bidders]"""
        asked = np.zeros(len(self.price), dtype=np.bool_)
        asked[node[idle]] = True
        rivals = self._ranked(np.flatnonzero(asked[node] & (self.held >= 0)), node)
        own = node[rivals]
        starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
        place = np.arange(len(own)) - np.repeat(starts, np.diff(np.append(starts, len(own))))
        last = place == self.room[own] - 1
        self.price[own[last]] = self.bid[rivals[last]]
        self.held[rivals[place >= self.room[own]]] = -1

    def _ranked(self, rivals: Ints, node: Ints) -> Ints:
        """Sort bidders by node, the highest bid first: as one number each, which sorts ten times as fast."""
        width = len(self.held).bit_length()
        place = 62 - len(self.price).bit_length() - width
        bid = self.bid[rivals]
        top = int(bid.max(initial=0))
        coarse = np.minimum((top - bid) >> max(0, top.bit_length() - place), (1 << place) - 1)
        key = np.sort((((node[rivals] << place) + coarse) << width) + rivals)
        return key & ((1 << width) - 1)


def guess(network: Network, cost: Ints) -> Guess | None:
    """Guess prices for costs of the arcs; None when nobody bids, or when bids do not lead to prices soon."""
    free = np.flatnonzero(network.most > network.least)
    tail, head, supply = network.tail[free], network.head[free], network.unsent()
    bidder = supply == 1
    bidder[head] = False
    own = bidder[tail]
    arcs = np.flatnonzero(own)
    arcs = arcs[np.argsort(tail[arcs], kind="stable")]
    owner, asked = tail[arcs], cost[free[arcs]]
    spread = int(np.ptp(asked)) if len(asked) else 0
    if spread < STEPS:
        return None
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    way, most = free[~own], network.most - network.least
    room, outer = -supply, np.arange(len(supply))
    np.add.at(room, network.tail[way], most[way])
    outer[network.tail[way]] = network.head[way]
    room[outer == np.arange(len(supply))] = TOP
    auction = _Auction(
        first=first,
        size=np.diff(np.append(first, len(owner))),
        goal=head[arcs],
        cost=asked,
        room=np.maximum(room, 0),
        outer=outer,
        depth=_depth(outer),
        price=np.zeros(len(supply), dtype=np.int64),
        held=np.full(len(first), -1),
        bid=np.zeros(len(first), dtype=np.int64),
        step=spread // STEPS,
        spread=spread,
    )
    if not _held(auction):
        return None
    price = -auction.price
    price[owner[first]] = -auction.least(np.arange(len(first)))[1]
    return Guess(price, auction.step)


def _depth(outer: Ints) -> int:
    """Count the nodes with limited room on the longest way out. A circle of nodes counts as long as it is."""
    depth, node = 0, outer
    while depth < len(outer) and (node != outer[node]).any():
        depth, node = depth + 1, outer[node]
    return depth + 1


def _held(auction: _Auction) -> bool:
    """Hold the auction and tell whether nearly everybody got something in it."""
    idle, bids = np.arange(len(auction.held)), 0
    for _ in range(ROUNDS):
        if len(idle) * IDLE_SHARE <= len(auction.held):
            break
        bids += len(idle)
        if bids > BIDS * len(auction.held):
            return False
        idle = auction.round(idle)
    return True


__all__ = ["Guess", "guess"]
