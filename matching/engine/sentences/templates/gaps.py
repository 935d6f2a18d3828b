# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what is said of gaps: which offerings nobody makes would close which needs."""

from collections.abc import Mapping

GAPS: Mapping[str, Mapping[str, str]] = {
    "gap.would_close": {
        "en": "One more offering on {theme} in {language} for {region} ({form}) would close {lines} "
        "{lines?line|lines} of needs with {participants} {participants?participant|participants}.",
        "fr": "Une offre de plus sur le thème {theme}, en {language}, pour {region} ({form}) répondrait à {lines} "
        "{lines?ligne|lignes} de besoins, soit {participants} {participants?participant|participants}.",
    },
    "gap.would_close_at_level": {
        "en": "One more offering on {theme} in {language} for {region} ({form}, level: {level}) would close {lines} "
        "{lines?line|lines} of needs with {participants} {participants?participant|participants}.",
        "fr": "Une offre de plus sur le thème {theme}, en {language}, pour {region} ({form}, niveau : {level}) "
        "répondrait à {lines} {lines?ligne|lignes} de besoins, soit {participants} "
        "{participants?participant|participants}.",
    },
    "gap.together": {
        "en": "The {offerings} {offerings?offering|offerings} chosen together would close {closed} of {lines} unmet "
        "{lines?line|lines}; no choice of as many can close more than {bound}.",
        "fr": "{offerings?L’offre choisie répondrait|Les offres choisies ensemble répondraient} à {closed} des {lines} "
        "{lines?ligne non satisfaite|lignes non satisfaites} ; aucun choix du même nombre ne peut dépasser {bound} "
        "({offerings} {offerings?offre|offres}).",
    },
    "gap.together_proven": {
        "en": "The {offerings} {offerings?offering|offerings} chosen together would close {closed} of {lines} unmet "
        "{lines?line|lines}, and no choice of as many can close more.",
        "fr": "{offerings?L’offre choisie répondrait|Les offres choisies ensemble répondraient} à {closed} des {lines} "
        "{lines?ligne non satisfaite|lignes non satisfaites}, et aucun choix du même nombre ne peut faire mieux "
        "({offerings} {offerings?offre|offres}).",
    },
    "gap.out_of_reach": {
        "en": "{lines} {lines?line stays|lines stay} out of reach of any such offering: the window is over or "
        "too near, or the requester’s own conditions exclude each other.",
        "fr": "{lines} {lines?ligne reste|lignes restent} hors de portée de toute offre de ce genre : la période est "
        "passée ou trop proche, ou les conditions du demandeur s’excluent.",
    },
    "gap.nothing_unmet": {
        "en": "No need is unmet.",
        "fr": "Aucun besoin n’est resté sans réponse.",
    },
}
