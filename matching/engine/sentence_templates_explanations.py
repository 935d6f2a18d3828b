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
    # --- what decisions say of the weights ------------------------------------------------------------------------
    "learning.too_few": {
        "en": "Too few decisions to learn from: {decisions} {decisions?is|are} known, at least {least} are needed.",
        "fr": "Trop peu de décisions pour en tirer un enseignement : {decisions} {decisions?est connue|sont connues}, il en faut au moins {least}.",
    },
    "learning.better": {
        "en": "On decisions not used to find them, the suggested weights agree in {suggested} % of the cases, the present ones in {present} %.",
        "fr": "Sur des décisions qui n’ont pas servi à les trouver, les pondérations suggérées concordent dans {suggested} % des cas, les actuelles dans {present} %.",
    },
    "learning.no_better": {
        "en": "On decisions not used to find them, the suggested weights agree in {suggested} % of the cases, no more than the present ones ({present} %).",
        "fr": "Sur des décisions qui n’ont pas servi à les trouver, les pondérations suggérées concordent dans {suggested} % des cas, pas plus que les actuelles ({present} %).",
    },
    "learning.more": {
        "en": "Decisions speak for more weight on {criterion}: {points} {points?thousandth|thousandths} more.",
        "fr": "Les décisions plaident pour un poids plus grand de ce critère ({criterion}) : {points} {points?millième|millièmes} de plus.",
    },
    "learning.less": {
        "en": "Decisions speak for less weight on {criterion}: {points} {points?thousandth|thousandths} less.",
        "fr": "Les décisions plaident pour un poids moindre de ce critère ({criterion}) : {points} {points?millième|millièmes} de moins.",
    },
}

# What the criteria are called within a sentence: language -> criterion -> name.
CRITERION_NAMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "theme": "theme",
        "place": "place and experience there",
        "audience": "audience and level",
        "language": "language",
        "dates": "dates",
        "group": "group size",
        "cost": "cost",
        "track_record": "track record",
        "lead_time": "time left to prepare",
        "text": "likeness of the texts",
        "award": "award",
        "load": "free capacity",
        "newcomer": "chance for newcomers",
    },
    "fr": {
        "theme": "thème",
        "place": "lieu et expérience sur place",
        "audience": "public et niveau",
        "language": "langue",
        "dates": "dates",
        "group": "taille du groupe",
        "cost": "coût",
        "track_record": "évaluations passées",
        "lead_time": "délai de préparation",
        "text": "ressemblance des textes",
        "award": "attestation",
        "load": "capacité libre",
        "newcomer": "chance donnée aux nouveaux venus",
    },
}
