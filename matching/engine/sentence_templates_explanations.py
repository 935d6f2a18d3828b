# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what is said of themes found in a text, of one candidate against the next, and of what would make it first."""

from collections.abc import Mapping

EXPLANATIONS: Mapping[str, Mapping[str, str]] = {
    # --- themes found in a text ---------------------------------------------------------------------------------
    "theme_found.named": {
        "en": "The text names this theme ({theme}): {words}.",
        "fr": "Le texte nomme ce thème ({theme}) : {words}.",
    },
    "theme_found.hinted": {
        "en": "The text has words of this theme’s name ({theme}): {words}.",
        "fr": "Le texte contient des mots du nom de ce thème ({theme}) : {words}.",
    },
    "text.by_concepts": {
        "en": "Need and description both speak of: {themes}.",
        "fr": "Le besoin et la description parlent tous deux de : {themes}.",
    },
    "text.no_common_concept": {
        "en": "Need and description have no language in common, and name no theme in common.",
        "fr": "Le besoin et la description n’ont pas de langue commune et ne nomment aucun thème commun.",
    },
}
