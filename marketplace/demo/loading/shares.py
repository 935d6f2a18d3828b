"""What requesters show to others: a need may be read by a provider that is no member of the group."""

from marketplace.demo.loading.context import Load
from marketplace.demo.loading.requests import external_id
from requests_app import operations, queries


def load_shares(load: Load) -> None:
    """Load the shares; one that was taken back since is not given again."""
    for row in load.rows("shares"):
        request = queries.requests_visible_to(load.actor, at=load.calendar.now).get(
            external_id=external_id(row["request"])
        )
        if request.shares.filter(organization__code=row["organization"]).exists():
            continue
        operations.share_with(
            actor=load.actor,
            at=load.calendar.moment(row["at"]),
            request_id=request.pk,
            organization=row["organization"],
            sees=row["sees"],
            may=row["may"],
        )
        load.new["shares"] += 1
