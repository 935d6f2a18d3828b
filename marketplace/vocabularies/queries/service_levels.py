"""What the secretariat promises: who owes a step, by when, and what the deadline does."""

from marketplace.vocabularies.queries.snapshot import ServiceLevelRow, cache


def service_level(step: str) -> ServiceLevelRow:
    """Give the service level of a step. Raises LookupError for a step that the table does not know."""
    found = cache.get().service_levels.get(step)
    if found is None:
        raise LookupError(f"no service level for the step {step!r}")
    return found


def service_levels() -> list[ServiceLevelRow]:
    """Give all service levels in the order of the table."""
    return list(cache.get().service_levels.values())
