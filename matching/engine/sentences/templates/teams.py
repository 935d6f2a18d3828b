# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""The templates of teams, bundles and pools, English and French beside each other. Syntax: see `sentences`."""

from collections.abc import Mapping

TEAMS: Mapping[str, Mapping[str, str]] = {
    # --- teams by cells -----------------------------------------------------------------------------------------
    "team.whole": {
        "en": "{partners} {partners?partner covers|partners together cover} all {cells} {cells?cell|cells}.",
        "fr": "{partners} {partners?partenaire couvre|partenaires couvrent ensemble} {cells?la seule case|toutes les cases}, au nombre de {cells}.",
    },
    "team.part": {
        "en": "{covered} of {cells} cells are covered, by {partners} {partners?partner|partners}; no team covers more.",
        "fr": "{covered} {covered?case est couverte|cases sont couvertes} sur {cells}, par {partners} {partners?partenaire|partenaires} ; aucune équipe n’en couvre davantage.",
    },
    "team.cut_short": {
        "en": "The search was cut short: a better team may exist, none beats the bound.",
        "fr": "La recherche a été interrompue : il existe peut-être une meilleure équipe, mais aucune ne dépasse la borne.",
    },
    "team.found_part": {
        "en": "{covered} of {cells} cells are covered, by {partners} {partners?partner|partners}.",
        "fr": "{covered} {covered?case est couverte|cases sont couvertes} sur {cells}, par {partners} {partners?partenaire|partenaires}.",
    },
    "team.none": {
        "en": "No team covers any of the {cells} {cells?cell|cells}.",
        "fr": "Aucune équipe ne couvre de case ; il y en a {cells} à couvrir.",
    },
    "team.uncovered": {"en": "{cell} stays open.", "fr": "{cell} reste sans réponse."},
    "team.limits_together": {
        "en": "{limits} limits together keep it open; giving up fewer would not help.",
        "fr": "{limits} limites ensemble l’empêchent ; en lever moins ne suffirait pas.",
    },
    "team.limit.no_candidate": {"en": "Nobody offers it.", "fr": "Personne ne le propose."},
    "team.limit.excluded": {
        "en": "It takes partners that are ruled out: {needed}.",
        "fr": "Il y faut des partenaires qui sont écartés : {needed}.",
    },
    "team.limit.exclusions": {
        "en": "It takes partners that must not work together: {needed}.",
        "fr": "Il y faut des partenaires qui ne doivent pas travailler ensemble : {needed}.",
    },
    "team.limit.max_partners": {
        "en": "It takes {needed} partners; {limit} {limit?is|are} allowed.",
        "fr": "Il y faut {needed} partenaires ; {limit} {limit?est admis|sont admis}.",
    },
    "team.limit.budget": {
        "en": "It costs at least {needed} in all; the budget is {limit}.",
        "fr": "Le tout coûte au moins {needed} ; le budget est de {limit}.",
    },
    "team.limit.lead": {
        "en": "Nobody who may lead the team can be part of it.",
        "fr": "Personne de ceux qui peuvent diriger l’équipe ne peut en faire partie.",
    },
    "team.uncertain": {
        "en": "The search was cut short; another reason is possible.",
        "fr": "La recherche a été interrompue ; une autre raison est possible.",
    },
    # --- lines that a team leaves open ----------------------------------------------------------------------------
    "open_line.no_candidate": {
        "en": "Line {line} ({theme}) stays open: no offering meets its constraints.",
        "fr": "La ligne {line} ({theme}) reste ouverte : aucune offre ne satisfait à ses contraintes.",
    },
    "open_line.max_partners": {
        "en": "Line {line} ({theme}) stays open: it would take {needed} partners, {limit} {limit?is|are} allowed.",
        "fr": "La ligne {line} ({theme}) reste ouverte : il faudrait {needed} partenaires, {limit} {limit?est admis|sont admis}.",
    },
    "open_line.budget": {
        "en": "Line {line} ({theme}) stays open: with the other lines it would go beyond the ceiling; {amount} in all would be enough.",
        "fr": "La ligne {line} ({theme}) reste ouverte : avec les autres lignes, elle dépasserait le plafond ; {amount} au total suffiraient.",
    },
    "open_line.budget_unknown": {
        "en": "Line {line} ({theme}) stays open: with the other lines it would go beyond the ceiling, or its cost is not known.",
        "fr": "La ligne {line} ({theme}) reste ouverte : avec les autres lignes, elle dépasserait le plafond, ou son coût n’est pas connu.",
    },
    "open_line.kept_apart": {
        "en": "Line {line} ({theme}) stays open: the partners it takes must not work together.",
        "fr": "La ligne {line} ({theme}) reste ouverte : les partenaires nécessaires ne doivent pas travailler ensemble.",
    },
    "open_line.lead": {
        "en": "Line {line} ({theme}) stays open: no partner of such a team accepts to lead.",
        "fr": "La ligne {line} ({theme}) reste ouverte : aucun partenaire d’une telle équipe n’accepte de la diriger.",
    },
    "open_line.capacity": {
        "en": "Line {line} ({theme}) stays open: the other lines take the capacity it would need.",
        "fr": "La ligne {line} ({theme}) reste ouverte : les autres lignes prennent la capacité qu’il lui faudrait.",
    },
    "open_line.together": {
        "en": "Line {line} ({theme}) stays open: the number of partners, the ceiling and who may work together or lead keep it open only in combination.",
        "fr": "La ligne {line} ({theme}) reste ouverte : seule la combinaison du nombre de partenaires, du plafond et de qui peut travailler ensemble ou diriger l’empêche.",
    },
    "open_line.unproven": {
        "en": "Line {line} ({theme}) stays open in the teams found; the search was cut short.",
        "fr": "La ligne {line} ({theme}) reste ouverte dans les équipes trouvées ; la recherche a été interrompue.",
    },
    # --- bundles in sequence --------------------------------------------------------------------------------------
    "bundle.first": {
        "en": "First {offering} ({modality}), from {start} to {end}.",
        "fr": "D’abord {offering} ({modality}), du {start} au {end}.",
    },
    "bundle.then": {
        "en": "Then {offering} ({form}), from {later} on: it goes on with {theme} in the same language.",
        "fr": "Ensuite {offering} ({form}), à partir du {later} : la suite porte sur {theme}, dans la même langue.",
    },
    "bundle.cost_unknown": {
        "en": "The cost of one of the two is not known.",
        "fr": "Le coût de l’une des deux n’est pas connu.",
    },
    "bundle.form_not_asked": {
        "en": "This form was not asked for: {form}. The follow-up is an addition, not a condition.",
        "fr": "Cette forme n’a pas été demandée : {form}. La suite est un complément, non une condition.",
    },
    # --- pooling of needs -------------------------------------------------------------------------------------------
    "pool.summary": {
        "en": "{lines} lines of {needs} requests could share one session: {participants} participants, {start} to {end}, saving {amount}.",
        "fr": "{lines} lignes de {needs} demandes pourraient partager une même session : {participants} participants, du {start} au {end}, soit une économie de {amount}.",
    },
    "pool.summary_unpriced": {
        "en": "{lines} lines of {needs} requests could share one session: {participants} participants, {start} to {end}; what it saves is not known.",
        "fr": "{lines} lignes de {needs} demandes pourraient partager une même session : {participants} participants, du {start} au {end} ; l’économie n’est pas connue.",
    },
    "pool.same_theme": {
        "en": "They ask for the same theme: {theme}.",
        "fr": "Elles portent sur le même thème : {theme}.",
    },
    "pool.near_theme": {
        "en": "Their themes are close; {theme} serves all of them.",
        "fr": "Leurs thèmes sont proches ; {theme} convient à toutes.",
    },
    "pool.same_language": {
        "en": "They need the same language: {language}.",
        "fr": "Elles demandent la même langue : {language}.",
    },
    "pool.any_language": {"en": "None of them imposes a language.", "fr": "Aucune n’impose de langue."},
    "pool.same_country": {
        "en": "They are for the same country: {country}.",
        "fr": "Elles concernent le même pays : {country}.",
    },
    "pool.same_region": {
        "en": "They are for the same region: {region}.",
        "fr": "Elles concernent la même région : {region}.",
    },
    "pool.same_audience": {
        "en": "They are for the same audience: {audience}.",
        "fr": "Elles s’adressent au même public : {audience}.",
    },
    "pool.window": {
        "en": "Their windows share {days} {days?day|days}.",
        "fr": "Leurs périodes ont {days} {days?jour|jours} en commun.",
    },
    "pool.share": {
        "en": "{need}, line {line}: {amount} instead of {price} alone, for {participants} {participants?participant|participants}.",
        "fr": "{need}, ligne {line} : {amount} au lieu de {price} séparément, pour {participants} {participants?participant|participants}.",
    },
    "pool.share_unpriced": {
        "en": "{need}, line {line}: {amount} for {participants} {participants?participant|participants}; its cost alone is not known.",
        "fr": "{need}, ligne {line} : {amount} pour {participants} {participants?participant|participants} ; son coût séparé n’est pas connu.",
    },
    "pool.share_only_together": {
        "en": "{need}, line {line}: {amount} for {participants} {participants?participant|participants}; nobody serves it alone.",
        "fr": "{need}, ligne {line} : {amount} pour {participants} {participants?participant|participants} ; personne n’y répond séparément.",
    },
}
