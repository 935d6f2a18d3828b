# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what a planning run says beside its plan: locks that cannot hold, and where a proposal comes from."""

from collections.abc import Mapping

PLANNING: Mapping[str, Mapping[str, str]] = {
    "plan.lock_not_on_offer": {
        "en": "{need} is locked to {offering}, which is not on offer.",
        "fr": "{need} : {offering} est imposée, mais elle n’est pas proposée.",
    },
    "plan.lock_not_eligible": {
        "en": "{need} is locked to {offering}, which cannot serve it.",
        "fr": "{need} : {offering} est imposée, mais elle ne peut pas y répondre.",
    },
    "plan.not_on_offer": {
        "en": "{offering} was not on offer when the plan was made.",
        "fr": "{offering} n’était pas proposée lorsque le plan a été établi.",
    },
    "plan.not_eligible": {
        "en": "{offering} cannot serve {need}.",
        "fr": "{offering} ne peut pas répondre à {need}.",
    },
    "plan.not_a_candidate": {
        "en": "{offering} could serve {need}, but it was not among the {candidates} best that the plan looked at.",
        "fr": "{offering} pourrait répondre à {need}, mais elle n’était pas parmi les {candidates} meilleures que le plan a examinées.",
    },
    "plan.published": {
        "en": "It was chosen in the plan of all open needs.",
        "fr": "Elle a été retenue dans le plan de tous les besoins ouverts.",
    },
    # --- hard constraints, one each ---------------------------------------------------------------------------
    "choice.together": {
        "en": "In one delivery with line {lines} of the request; the cost is shared by participants.",
        "fr": "En une seule prestation avec la ligne {lines} de la demande ; le coût est partagé selon le nombre de participants.",
    },
    "shortage.rule": {
        "en": "Whoever could serve it must not work together with those who serve {needs}.",
        "fr": "Qui pourrait le satisfaire ne doit pas intervenir avec ceux qui satisfont {needs}.",
    },
    "shortage.ceiling": {
        "en": "With {needs} it would cost more than the secured ceiling of the request allows.",
        "fr": "Avec {needs}, ce besoin coûterait plus que le plafond financé de la demande.",
    },
    "choice.best_over_ceiling": {
        "en": "With {needs}, {best} would cost more than the secured ceiling of the request allows.",
        "fr": "Avec {needs}, {best} coûterait plus que le plafond financé de la demande.",
    },
    "choice.best_apart": {
        "en": "{best} must not work together with those who serve {needs}.",
        "fr": "{best} ne doit pas intervenir avec ceux qui satisfont {needs}.",
    },
    "shortage.linked": {
        "en": "It could be served only together with {needs}, in one delivery or team, and together they find no better place.",
        "fr": "Il ne pourrait être satisfait qu’avec {needs}, dans une même prestation ou équipe, et ensemble ils ne trouvent pas de meilleure place.",
    },
    "shortage.linked_to_none": {
        "en": "No partner who accepts to lead could serve another line of its request.",
        "fr": "Aucun partenaire acceptant de diriger ne pourrait se charger d’une autre ligne de sa demande.",
    },
    "constraint.theme_mismatch": {
        "en": "It is about another theme.",
        "fr": "Elle porte sur un autre thème.",
    },
    "constraint.language_not_deliverable": {
        "en": "It cannot be delivered in the language of the line.",
        "fr": "Elle ne peut pas être donnée dans la langue de la ligne.",
    },
    "constraint.country_not_served": {
        "en": "It does not serve the country or region.",
        "fr": "Elle ne dessert pas le pays ou la région.",
    },
    "constraint.audience_mismatch": {
        "en": "It is for another audience.",
        "fr": "Elle s’adresse à un autre public.",
    },
    "constraint.level_mismatch": {
        "en": "It is of another level.",
        "fr": "Elle est d’un autre niveau.",
    },
    "constraint.form_mismatch": {
        "en": "Its form is not among those accepted.",
        "fr": "Sa forme n’est pas parmi celles qui sont acceptées.",
    },
    "constraint.modality_mismatch": {
        "en": "Its modality is not among those accepted.",
        "fr": "Sa modalité n’est pas parmi celles qui sont acceptées.",
    },
    "constraint.place_mismatch": {
        "en": "It cannot take place where it has to.",
        "fr": "Elle ne peut pas avoir lieu à l’endroit imposé.",
    },
    "constraint.not_scheduled": {
        "en": "It has no date to come.",
        "fr": "Elle n’a aucune date à venir.",
    },
    "constraint.window_missed": {
        "en": "None of its dates lies in the window of the request.",
        "fr": "Aucune de ses dates ne tombe dans la période de la demande.",
    },
    "constraint.capacity_short": {
        "en": "It has too little room for the smallest group of the line.",
        "fr": "Elle n’a pas assez de places pour le plus petit groupe de la ligne.",
    },
    "constraint.group_too_small": {
        "en": "The group is smaller than its smallest group.",
        "fr": "Le groupe est plus petit que son effectif minimal.",
    },
    "constraint.cost_over_ceiling": {
        "en": "It costs more than the secured ceiling allows.",
        "fr": "Elle coûte plus que le plafond financé.",
    },
    "constraint.award_unavailable": {
        "en": "It does not lead to the award that is wanted.",
        "fr": "Elle ne mène pas à la certification souhaitée.",
    },
    "constraint.offering_not_published": {
        "en": "It is not published.",
        "fr": "Elle n’est pas publiée.",
    },
    "plan.explained_within_limits": {
        "en": "To explain the plan, {solved} changed {solved?plan was|plans were} solved again; the limits of number and time left out {more} more, whose figures are bounds.",
        "fr": "Pour expliquer le plan, {solved} {solved?plan modifié a été résolu|plans modifiés ont été résolus} de nouveau ; les limites de nombre et de temps en ont écarté {more} {more?autre, dont les chiffres sont des bornes|autres, dont les chiffres sont des bornes}.",
    },
    "constraint.not_bookable": {
        "en": "It is an umbrella of other offerings and cannot be booked itself.",
        "fr": "Elle regroupe d’autres offres et ne peut pas être réservée elle-même.",
    },
    "constraint.vetting_expired": {
        "en": "Its vetting has ended, or it was never vetted.",
        "fr": "Son agrément a expiré ou n’a jamais été donné.",
    },
    "constraint.provider_not_in_standing": {
        "en": "Its provider is not in standing.",
        "fr": "Son prestataire n’est pas habilité.",
    },
    "constraint.excluded_by_requester": {
        "en": "The requester has ruled out a party to it, or two of its parties delivering together.",
        "fr": "Le demandeur a exclu l’une de ses parties, ou que deux d’entre elles interviennent ensemble.",
    },
    "constraint.conflict_of_interest": {
        "en": "There is a conflict of interest.",
        "fr": "Il y a un conflit d’intérêts.",
    },
    "constraint.turned_down": {
        "en": "Its provider has refused this very need.",
        "fr": "Son prestataire a déjà refusé ce besoin.",
    },
    "constraint.not_visible": {
        "en": "The request is not visible to its provider.",
        "fr": "La demande n’est pas visible pour son prestataire.",
    },
}
