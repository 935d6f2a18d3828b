"""A team found quickly, for when a search is cut short: it keeps every limit, and promises nothing else."""

from matching.engine.team_search.field import Field
from matching.engine.team_search.packages import Package, packages
from matching.engine.team_search.search import Found


def greedy(field: Field) -> Found | None:
    """Add, one after the other, the partner that serves most of what is open (then the better worth, then the cheaper).

    Where a lead is needed, the first partner leads. None where nobody fits.
    """
    team, rest = Found(), field.whole
    for step in range(field.instance.max_partners):
        must = field.lead if step == 0 else 0
        best: tuple[int, int, int, int] | None = None
        choice: Package | None = None
        for place, mask in enumerate(field.masks.tolist()):
            if mask & must == must and mask & rest & ~field.lead and not team.bars(field, field.partner[place]):
                package = _cheapest(field, team, place, (mask & rest) if step == 0 else mask & rest & ~field.lead)
                if package is not None:
                    served = sum(bits.bit_count() for _, bits in package.serves)
                    key = (-served, -package.worth, package.cost, place)
                    if best is None or key < best:
                        best, choice = key, package
        if best is None or choice is None:
            break
        team = team.with_package(field.partner[best[3]], choice)
        for _, bits in choice.serves:
            rest &= ~bits
    return team if team.packages else None


def _cheapest(field: Field, team: Found, place: int, cells: int) -> Package | None:
    """Return the best package for the cells that the rest of the budget pays."""
    budget = field.instance.budget
    for package in packages(field, place, cells):
        if budget is None or team.cost + package.cost <= budget:
            return package
    return None
