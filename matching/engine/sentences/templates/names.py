"""Names of codes that are a plan's own and no vocabulary's: groups whose service is watched, and budgets."""

from collections.abc import Mapping

# Language -> code -> name. No article: names stand after a colon, in brackets or at the beginning.
GROUP_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ldc": "least developed countries",
        "lldc": "landlocked developing countries",
        "sids": "small island developing States",
    },
    "fr": {
        "ldc": "pays les moins avancés",
        "lldc": "pays en développement sans littoral",
        "sids": "petits États insulaires en développement",
    },
}
BUDGET_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {"total": "the total budget"},
    "fr": {"total": "le budget total"},
}
