"""Pooling: similar needs of different requests proposed as one joint session with shared cost.

    for found in pool(needs, catalogue, policy, as_of=today, rates=rates):
        found.members, found.saving, found.offers[0]

Nothing is merged here: a pool is a proposal, and people decide.
"""

from matching.engine.pooling.likeness import JointNeed, Wish, join
from matching.engine.pooling.pools import pool
from matching.engine.pooling.results import Pool, PoolMember, PoolOffer

__all__ = ["JointNeed", "Pool", "PoolMember", "PoolOffer", "Wish", "join", "pool"]
