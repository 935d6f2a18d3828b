"""The process that solves linear and mixed-integer programs for the portfolio, so that it can be stopped at any moment.

It reads programs from its standard input and writes answers to its standard output until the input ends, each as the
length in 8 bytes and a NumPy archive. SciPy's HiGHS (Huangfu and Hall 2018) does the work; only this process loads it.
"""

import os
import sys
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

LENGTH_BYTES = 8
MANY_COLUMNS = 20_000  # from so many on the interior point method is faster, by far; the simplex takes minutes
Arrays = Mapping[str, NDArray[Any]]


def write_arrays(stream: IO[bytes], arrays: Arrays) -> None:
    """Write arrays as one message."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    stream.write(buffer.tell().to_bytes(LENGTH_BYTES, "little"))
    stream.write(buffer.getbuffer())
    stream.flush()


def unpacked(content: bytes) -> Arrays:
    """Return the arrays of a message; nothing but arrays of numbers can be in it."""
    with np.load(BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def solve_program(program: Arrays) -> Arrays:
    """Maximise `gain` [columns] under `least <= A x <= most` [rows], `x >= 0`.

    `A` has the entries `row`, `column`, `amount`. With `whole`, x is 0 or 1, `limit` are seconds (0: none), and the
    answer holds `status` as of scipy.optimize.milp, `x` (empty when none was found), `value` and the proven `bound`.
    Otherwise x may be fractions, and the answer holds `status` as of scipy.optimize.linprog, `value`, `bound` and `price` [rows].
    """
    from scipy.sparse import csr_array

    shape = (len(program["least"]), len(program["gain"]))
    matrix = csr_array((program["amount"].astype(float), (program["row"], program["column"])), shape=shape)
    return _whole(program, matrix) if program["whole"] else _fractional(program, matrix)


def _whole(program: Arrays, matrix: Any) -> Arrays:
    from scipy.optimize import Bounds, LinearConstraint, milp

    limit = float(program["limit"])
    options = {"mip_rel_gap": 0.0} | ({"time_limit": limit} if limit else {})
    answer = milp(
        -program["gain"].astype(float),
        integrality=np.ones(len(program["gain"])),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(matrix, program["least"], program["most"])] if matrix.shape[0] else [],
        options=options,
    )
    found = answer.x is not None
    bound = answer.mip_dual_bound if answer.mip_dual_bound is not None else -np.inf
    return {
        "status": np.array(answer.status),
        "x": np.rint(answer.x).astype(np.int64) if found else np.zeros(0, dtype=np.int64),
        "bound": np.array(-bound, dtype=float),
    }


def _fractional(program: Arrays, matrix: Any) -> Arrays:
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    above, below = np.isfinite(program["most"]), np.isfinite(program["least"])
    limit = float(program["limit"])
    answer = linprog(
        -program["gain"].astype(float),
        A_ub=vstack([matrix[above], -matrix[below]], format="csr"),
        b_ub=np.concatenate([program["most"][above], -program["least"][below]]),
        bounds=(0, None),
        method="highs-ipm" if matrix.shape[1] >= MANY_COLUMNS else "highs",
        options={"time_limit": limit} if limit else {},
    )
    price = np.zeros(matrix.shape[0])
    if answer.status == 0:
        marginals = -answer.ineqlin.marginals
        count = int(above.sum())
        price[above] += marginals[:count]
        price[below] -= marginals[count:]
    return {"status": np.array(answer.status), "price": price}


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer programs until there are no more."""
    while head := source.read(LENGTH_BYTES):
        program = unpacked(source.read(int.from_bytes(head, "little")))
        write_arrays(target, solve_program(program))


if __name__ == "__main__":
    # Solvers may print; answers go out by a channel of their own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    main(sys.stdin.buffer, answers)
