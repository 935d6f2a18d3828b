"""The request that audit records are written under; the API's middleware sets it, the job loop hands it on."""

from marketplace.work.context import Origin, current_origin, originating, reset_origin, set_origin

__all__ = ["Origin", "current_origin", "originating", "reset_origin", "set_origin"]
