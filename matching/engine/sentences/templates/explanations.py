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
    # --- sets of changes that would make an offering eligible: who has to act ---------------------------------------
    "way.requester": {
        "en": "The requester alone can bring it about, by {changes} {changes?change|changes}.",
        "fr": "Le demandeur peut y parvenir seul, par {changes} {changes?changement|changements}.",
    },
    "way.provider": {
        "en": "The provider alone can bring it about, by {changes} {changes?change|changes}.",
        "fr": "Le prestataire peut y parvenir seul, par {changes} {changes?changement|changements}.",
    },
    "way.secretariat": {
        "en": "The secretariat alone can bring it about, by {changes} {changes?change|changes}.",
        "fr": "Le secrétariat peut y parvenir seul, par {changes} {changes?changement|changements}.",
    },
    "way.together": {
        "en": "Several have to act together: {changes} changes, none of which can be left out.",
        "fr": "Plusieurs doivent agir ensemble : {changes} changements, dont aucun n’est superflu.",
    },
    # --- further changes of the provider ----------------------------------------------------------------------------
    "change.give_language": {"en": "give it in {language}", "fr": "la donner dans la langue : {language}"},
    "change.teach_level": {"en": "teach it at the level {level}", "fr": "l’enseigner au niveau {level}"},
    "change.name_government_level": {
        "en": "address this level of government: {government_level}",
        "fr": "s’adresser à ce niveau de gouvernement : {government_level}",
    },
    "change.give_award": {"en": "end it with: {award}", "fr": "la sanctionner par : {award}"},
    "change.lower_price": {
        "en": "lower the price by {amount}, to {price} for a delivery",
        "fr": "baisser le prix de {amount}, à {price} par réalisation",
    },
    "change.state_price": {
        "en": "state a price of {price} or less for a delivery",
        "fr": "annoncer un prix de {price} au plus par réalisation",
    },
    "change.fix_days": {
        "en": "fix the days of the session between {start} and {end}",
        "fr": "fixer les jours de la session entre le {start} et le {end}",
    },
    "change.declare_capacity": {
        "en": "declare {trainer_days} {trainer_days?trainer day|trainer days} of capacity between {start} and {end}",
        "fr": "déclarer {trainer_days} {trainer_days?journée de formateur|journées de formateur} de capacité entre le {start} et le {end}",
    },
    "change.add_seats": {
        "en": "add {seats} {seats?seat|seats} to the session",
        "fr": "ajouter {seats} {seats?place|places} à la session",
    },
    "change.close_later": {
        "en": "let enrolment close {days} {days?day|days} later",
        "fr": "clore les inscriptions {days} {days?jour|jours} plus tard",
    },
    "change.open_earlier": {
        "en": "be available {days} {days?day|days} earlier",
        "fr": "être disponible {days} {days?jour|jours} plus tôt",
    },
    "change.shorten_lead_time": {
        "en": "shorten the lead time by {days} {days?day|days}",
        "fr": "réduire le délai de préparation de {days} {days?jour|jours}",
    },
    # --- one candidate or proposal against another ------------------------------------------------------------------
    "contrast.ahead": {
        "en": "{points} of 1,000 points ahead of number {rank}, by: {criteria}.",
        "fr": "{points} {points?point|points} sur 1\u202f000 d’avance sur le n° {rank}, grâce à : {criteria}.",
    },
    "contrast.ahead_in_spite": {
        "en": "{points} of 1,000 points ahead of number {rank}, by: {criteria}; in spite of: {drawbacks}.",
        "fr": "{points} {points?point|points} sur 1\u202f000 d’avance sur le n° {rank}, grâce à : {criteria} ; malgré : {drawbacks}.",
    },
    "contrast.just_ahead": {
        "en": "Less than one of 1,000 points ahead of number {rank}, by: {criteria}.",
        "fr": "Moins d’un point sur 1\u202f000 d’avance sur le n° {rank}, grâce à : {criteria}.",
    },
    "contrast.same_start": {
        "en": "The same score as number {rank}; it begins earlier.",
        "fr": "Même note que le n° {rank} ; elle commence plus tôt.",
    },
    "contrast.same_load": {
        "en": "The same score as number {rank}; more of its capacity is free.",
        "fr": "Même note que le n° {rank} ; une plus grande part de sa capacité est libre.",
    },
    "contrast.same_draw": {
        "en": "The same score as number {rank}; a lot drawn from policy, request and offering decides.",
        "fr": "Même note que le n° {rank} ; un tirage fondé sur la politique, la demande et l’offre décide.",
    },
    "contrast.more_lines": {
        "en": "Before number {rank}, because it covers {lines} {lines?line|lines} more.",
        "fr": "Avant le n° {rank}, car elle couvre {lines} {lines?ligne|lignes} de plus.",
    },
    "contrast.fewer_partners": {
        "en": "Before number {rank}, because it needs {partners} {partners?partner|partners} less.",
        "fr": "Avant le n° {rank}, car elle demande {partners} {partners?partenaire|partenaires} de moins.",
    },
    "contrast.behind": {
        "en": "{points} of 1,000 points behind number {rank}, by: {criteria}.",
        "fr": "{points} {points?point|points} sur 1\u202f000 de retard sur le n° {rank}, à cause de : {criteria}.",
    },
    "contrast.just_behind": {
        "en": "Less than one of 1,000 points behind number {rank}, by: {criteria}.",
        "fr": "Moins d’un point sur 1\u202f000 de retard sur le n° {rank}, à cause de : {criteria}.",
    },
    "contrast.equal": {
        "en": "The same score as number {rank}.",
        "fr": "Même note que le n° {rank}.",
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
