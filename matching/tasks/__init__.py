"""The background halves of matching: computing outside a transaction, writing inside the one that ends the job."""

from matching.tasks.ranking import (
    WORKER,
    prepare_ranking,
    prepare_replacement,
    start_run,
    write_ranking,
    write_replacement,
)

__all__ = [
    "WORKER",
    "prepare_ranking",
    "prepare_replacement",
    "start_run",
    "write_ranking",
    "write_replacement",
]
