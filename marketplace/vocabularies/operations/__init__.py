"""Writing of vocabularies: loading what is shipped, editing service levels, recording rates."""

from marketplace.vocabularies.operations.loading import LoadedScheme, load_vocabularies
from marketplace.vocabularies.operations.rates import record_rate
from marketplace.vocabularies.operations.service_levels import change_service_level

__all__ = ["LoadedScheme", "change_service_level", "load_vocabularies", "record_rate"]
