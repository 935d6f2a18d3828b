"""Every slot of every offer scored for one line, whether it could serve it or not."""

from dataclasses import fields
from datetime import date

import numpy as np

from matching.engine.bitsets import BitTable
from matching.engine.catalogue import Catalogue, Ints
from matching.engine.criteria import evaluate
from matching.engine.policy import Policy
from matching.engine.rates import Rates
from matching.engine.slots import screen
from matching.engine.types import Need, NeedLine

# Columns that only hard constraints ask about.
UNREAD = frozenset(
    {
        "form",
        "parties",
        "published",
        "bookable",
        "vetted_until",
        "provider_verified",
        "provider_until",
        "cities",
        "first",
    }
)


def score_everything(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates
) -> Ints:
    """Return the score 0..10^6 of every slot by all criteria; hard constraints on offers are not asked about."""
    found = screen(need, line, catalogue, policy, as_of=as_of, rates=rates, able=True)
    return evaluate(need, line, catalogue, policy, found).scores(policy)


def bytes_of(catalogue: Catalogue) -> int:
    """Return the bytes of the columns that the criteria read, each once, and of the scores written.

    Of a table of codes one word of each row counts, where the code asked about lies.
    """
    total = 8 * len(catalogue.slots.slots)
    for columns in (catalogue.columns, catalogue.slots):
        for entry in fields(columns):
            held = getattr(columns, entry.name)
            if isinstance(held, BitTable):
                held = held.words[:, :1]
            if isinstance(held, np.ndarray) and entry.name not in UNREAD:
                total += held.nbytes
    return total
