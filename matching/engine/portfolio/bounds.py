"""What prices of the rows prove: a bound on every plan, and how much each pair stands behind it.

With any prices y on the rows (positive on `most`, negative on `least`) no plan gains more than

    sum of y * limit + sum over needs of max(0, the best of gain - y * amounts)

(Lagrangian relaxation: Fisher 1981). Everything is computed in whole numbers, so the bound holds whatever solver found
the prices and however exactly. A pair whose own part lies `loss` below the best of its need is in no plan better than
the bound less its loss (reduced-cost fixing).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.model import UNLIMITED, Model, Rows

FINEST = 1 << 20
EXACT_TOP = float(1 << 61)


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """`most`: no plan gains more. `loss` [pairs] and `unserved` [needs]: a plan with the pair, or without the need,
    gains at most `most - loss` (rounded so that this is true of whole numbers).
    """

    most: int
    loss: Ints
    unserved: Ints


def bound_of(model: Model, rows: Rows, gain: Ints, price: NDArray[np.float64]) -> Bound:
    """Compute the bound that prices [rows] prove for a gain [pairs]."""
    endless = ((price > 0) & (rows.most >= UNLIMITED)) | ((price < 0) & (rows.least <= -UNLIMITED))
    price = np.where(endless, 0.0, price)
    scale = _scale(model, rows, gain, price)
    whole = np.rint(price * scale).astype(np.int64)
    reduced = gain * scale
    np.subtract.at(reduced, rows.pair, rows.amount * whole[rows.row])
    best = np.maximum(np.maximum.reduceat(reduced, model.need_start[:-1]), 0) if len(gain) else np.zeros(0, np.int64)
    limit = np.where(whole > 0, rows.most, rows.least)
    total = sum(int(y) * int(b) for y, b in zip(whole, limit, strict=True) if y) + int(best.sum())
    most = total // scale
    # What the bound lost by rounding down makes every loss smaller by as much.
    rest = total - most * scale
    return Bound(most, (best[model.need] - reduced - rest + scale - 1) // scale, (best - rest + scale - 1) // scale)


def _scale(model: Model, rows: Rows, gain: Ints, price: NDArray[np.float64]) -> int:
    """Return the finest power of two by which prices can be multiplied without leaving 64 bits."""
    charged = np.zeros(len(gain))
    np.add.at(charged, rows.pair, np.abs(rows.amount) * np.abs(price)[rows.row])
    largest = (float(np.abs(gain).max(initial=0)) + float(charged.max(initial=0)) + 1) * (len(model.need_class) + 1)
    scale = FINEST
    while scale > 1 and largest * scale > EXACT_TOP:
        scale //= 2
    return scale
