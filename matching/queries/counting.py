"""Whether partners that were asked or have accepted hold what they are to use (domain rules 1 and 2)."""

from collections.abc import Iterator

from marketplace.kernel.rules import Breach
from matching.lifecycle import CLAIMING_PARTS
from matching.models import ProposalPart
from providers import queries as providers


def parts_without_their_hold() -> Iterator[Breach]:
    """Give the parts whose live holds are not what the part wants of its session or window."""
    claiming = ProposalPart.objects.filter(state__in=CLAIMING_PARTS, capacity_wanted__gt=0)
    held = providers.held_by(claiming.values("public_id"))
    for part in claiming.select_related("proposal").iterator():
        found = held.get(part.public_id, 0)
        if found != part.capacity_wanted:
            yield Breach(f"part {part.public_id}", f"wants {part.capacity_wanted}, holds {found}")
