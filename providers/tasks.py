"""Work of this app that comes round by itself; each job calls its operations and is safe to repeat."""

from datetime import datetime, timedelta

from marketplace.work.registry import job, periodic
from providers import operations


@periodic("providers.lapse_holds", every=timedelta(minutes=1))
@job("providers.lapse_holds")
def lapse_holds(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """End reservations whose time has come."""
    operations.lapse_expired_holds(at=at)


@periodic("providers.lapse_standing", every=timedelta(hours=1))
@job("providers.lapse_standing")
def lapse_standing(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Ask the secretariat to look again where a verification or a vetting has ended."""
    operations.lapse_verifications(at=at)
    operations.lapse_vettings(at=at)
