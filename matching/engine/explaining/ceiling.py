"""What is left of a ceiling of which other lines of the request have taken a part already, in words."""

from matching.engine.policy import Policy
from matching.engine.sentences import Param
from matching.engine.types import Need


def left_of_ceiling(need: Need, policy: Policy) -> dict[str, Param]:
    """Return the ceiling, what is committed of it and what is left, with their currency; nothing where all of it is left."""
    budget = need.budget
    if not budget.committed or budget.left is None:
        return {}
    currency = budget.currency or policy.currency
    amounts = {"ceiling": budget.ceiling, "committed": budget.committed, "left": budget.left}
    return {name: f"{amount:.2f} {currency}" for name, amount in amounts.items()}
