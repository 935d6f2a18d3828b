"""The background halves of matching: computing outside a transaction, writing inside the one that ends the job."""

from matching.tasks.beginning import WORKER
from matching.tasks.planning import prepare_plan, write_plan
from matching.tasks.pooling import prepare_pooling, write_pooling
from matching.tasks.publishing import close_publication, prepare_publication
from matching.tasks.ranking import (
    prepare_ranking,
    prepare_replacement,
    start_run,
    write_ranking,
    write_replacement,
)
from matching.tasks.replaying import prepare_replay, write_replay
from matching.tasks.unsharing import end_unasked_shares
from matching.tasks.warming import read_market
from matching.tasks.watching import prepare_telling, spread, tell_watches

__all__ = [
    "WORKER",
    "close_publication",
    "end_unasked_shares",
    "prepare_plan",
    "prepare_pooling",
    "prepare_publication",
    "prepare_ranking",
    "prepare_replacement",
    "prepare_replay",
    "prepare_telling",
    "read_market",
    "spread",
    "start_run",
    "tell_watches",
    "write_plan",
    "write_pooling",
    "write_ranking",
    "write_replacement",
    "write_replay",
]
