# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what is said of offers, near-misses, request lines and proposals."""

from collections.abc import Mapping

RANKING: Mapping[str, Mapping[str, str]] = {
    # --- criteria ---------------------------------------------------------------------------------------------
    "theme.equal": {
        "en": "It is about the theme asked: {asked_theme}.",
        "fr": "Elle porte sur le thème demandé : {asked_theme}.",
    },
    "theme.narrower": {
        "en": "It treats {theme}, a part of the theme asked ({asked_theme}).",
        "fr": "Elle traite de {theme}, une partie du thème demandé ({asked_theme}).",
    },
    "theme.broader": {
        "en": "It treats {theme}, which includes the theme asked ({asked_theme}).",
        "fr": "Elle traite de {theme}, qui englobe le thème demandé ({asked_theme}).",
    },
    "theme.same_field": {
        "en": "It treats {theme}, in the same field as the theme asked ({asked_theme}).",
        "fr": "Elle traite de {theme}, dans le même domaine que le thème demandé ({asked_theme}).",
    },
    "theme.none": {
        "en": "It treats {theme}, another field than the theme asked ({asked_theme}).",
        "fr": "Elle traite de {theme}, un autre domaine que le thème demandé ({asked_theme}).",
    },
    "place.named_country": {"en": "It names the country: {country}.", "fr": "Elle vise nommément le pays : {country}."},
    "place.named_region": {
        "en": "It is meant for the region: {region}.",
        "fr": "Elle est destinée à la région : {region}.",
    },
    "place.region": {
        "en": "It serves the region around: {region}.",
        "fr": "Elle couvre la région concernée : {region}.",
    },
    "place.world": {"en": "It is offered worldwide.", "fr": "Elle est proposée dans le monde entier."},
    "audience.meets": {
        "en": "It is made for this audience: {audience}.",
        "fr": "Elle est conçue pour ce public : {audience}.",
    },
    "audience.level_differs": {
        "en": "It is made for this audience ({audience}), at another level: {level}.",
        "fr": "Elle est conçue pour ce public ({audience}), à un autre niveau : {level}.",
    },
    "audience.adapted": {
        "en": "It would have to be adapted to this audience: {audience}.",
        "fr": "Elle devrait être adaptée à ce public : {audience}.",
    },
    "language.native": {
        "en": "It is given in the language asked: {language}.",
        "fr": "Elle est donnée dans la langue demandée : {language}.",
    },
    "language.interpreted": {
        "en": "The language asked ({language}) needs interpretation.",
        "fr": "La langue demandée ({language}) suppose une interprétation.",
    },
    "language.any": {
        "en": "No language was asked; it is given in {languages}.",
        "fr": "Aucune langue n’est demandée ; elle est donnée en {languages}.",
    },
    "dates.session": {
        "en": "A session lies in the window: {start} to {end}.",
        "fr": "Une session tombe dans la période : du {start} au {end}.",
    },
    "dates.session_vague": {
        "en": "A session is planned between {start} and {end}; its days are not fixed yet.",
        "fr": "Une session est prévue entre le {start} et le {end} ; les jours ne sont pas encore fixés.",
    },
    "dates.capacity": {
        "en": "The provider has capacity from {start} on, with {days} {days?day|days} of slack.",
        "fr": "Le prestataire est disponible à partir du {start}, avec {days} {days?jour|jours} de marge.",
    },
    "dates.on_request": {
        "en": "Possible on request from {start} on; the provider has declared no capacity for that time.",
        "fr": "Possible sur demande à partir du {start} ; le prestataire n’a pas déclaré sa disponibilité pour cette période.",
    },
    "dates.open_access": {
        "en": "It can be begun at any time from {start} on.",
        "fr": "Elle peut être commencée à tout moment à partir du {start}.",
    },
    "dates.nothing": {"en": "No date is announced.", "fr": "Aucune date n’est annoncée."},
    "dates.shortened": {
        "en": "From {start} to {end}, if its length is adapted to the window.",
        "fr": "Du {start} au {end}, si sa durée est adaptée à la période.",
    },
    "group.all": {
        "en": "All {wished} participants find a seat, in {deliveries} {deliveries?delivery|deliveries}.",
        "fr": "Les {wished} participants ont tous une place, en {deliveries} {deliveries?séance|séances}.",
    },
    "group.some": {
        "en": "{seats} of the {wished} participants wished find a seat, in {deliveries} {deliveries?delivery|deliveries}.",
        "fr": "{seats} des {wished} participants souhaités ont une place, en {deliveries} {deliveries?séance|séances}.",
    },
    "cost.within": {
        "en": "Estimated at {amount}, within the ceiling.",
        "fr": "Coût estimé à {amount}, dans la limite du plafond.",
    },
    "cost.over": {
        "en": "Estimated at {amount}, above the ceiling.",
        "fr": "Coût estimé à {amount}, au-dessus du plafond.",
    },
    "cost.within_left": {
        "en": "Estimated at {amount}, within the {left} that other lines of the request leave of the ceiling of {ceiling}.",
        "fr": "Coût estimé à {amount}, dans la limite des {left} que d’autres lignes de la demande laissent du plafond de {ceiling}.",
    },
    "cost.over_left": {
        "en": "Estimated at {amount}, more than the {left} that other lines of the request leave of the ceiling of {ceiling}.",
        "fr": "Coût estimé à {amount}, plus que les {left} que d’autres lignes de la demande laissent du plafond de {ceiling}.",
    },
    "cost.no_ceiling": {
        "en": "Estimated at {amount}; no ceiling was given, the funding is to be found.",
        "fr": "Coût estimé à {amount} ; aucun plafond n’est donné, le financement reste à trouver.",
    },
    "cost.unknown": {
        "en": "The cost is not known; it counts as neutral.",
        "fr": "Le coût n’est pas connu ; il compte comme neutre.",
    },
    "track_record.measured": {
        "en": "{evaluations} {evaluations?evaluation|evaluations} by others: {mean} of 1,000, counted as {value} for their number.",
        "fr": "{evaluations} {evaluations?évaluation|évaluations} par des tiers : {mean} sur 1 000, comptée {value} vu leur nombre.",
    },
    "track_record.none": {
        "en": "Not evaluated yet; it counts like others of its form ({value} of 1,000).",
        "fr": "Pas encore évaluée ; elle compte comme les autres de sa forme ({value} sur 1 000).",
    },
    "lead_time.days": {
        "en": "{days} {days?day is|days are} left to ask for it.",
        "fr": "Il reste {days} {days?jour|jours} pour la demander.",
    },
    "text.alike": {
        "en": "Need and description share {percent} % of their telling words.",
        "fr": "Le besoin et la description partagent {percent} % de leurs mots significatifs.",
    },
    "text.no_common_language": {
        "en": "Need and description have no language in common; their likeness counts as neutral.",
        "fr": "Le besoin et la description n’ont pas de langue commune ; leur ressemblance compte comme neutre.",
    },
    "award.not_asked": {"en": "No award was asked.", "fr": "Aucune attestation n’est demandée."},
    "award.given": {"en": "It ends with: {award}.", "fr": "Elle débouche sur : {award}."},
    "award.missing": {
        "en": "It ends with {award}, less than asked.",
        "fr": "Elle débouche sur {award}, moins que demandé.",
    },
    "award.unknown": {
        "en": "Whether it ends with {award} is not known; it counts as neutral.",
        "fr": "On ne sait pas si elle débouche sur {award} ; cela compte comme neutre.",
    },
    "load.free": {
        "en": "{percent} % of the capacity is still free.",
        "fr": "{percent} % de la capacité est encore libre.",
    },
    "load.unknown": {
        "en": "How much capacity is free is not known; it counts as neutral.",
        "fr": "La capacité libre n’est pas connue ; elle compte comme neutre.",
    },
    "newcomer.first": {
        "en": "The provider is new here and gets its chance.",
        "fr": "Le prestataire est nouveau et a sa chance.",
    },
    "newcomer.deliveries": {
        "en": "The provider has {deliveries} {deliveries?delivery|deliveries} behind it.",
        "fr": "Le prestataire compte {deliveries} {deliveries?activité réalisée|activités réalisées}.",
    },
    # --- changes that make an offer eligible --------------------------------------------------------------------
    "change.accept_theme": {"en": "accept the theme {theme}", "fr": "accepter le thème {theme}"},
    "change.accept_language": {"en": "accept {language}", "fr": "accepter la langue : {language}"},
    "change.allow_interpretation": {
        "en": "allow interpretation into {language}",
        "fr": "admettre l’interprétation vers la langue : {language}",
    },
    "change.accept_level": {"en": "accept the level {level}", "fr": "accepter le niveau {level}"},
    "change.accept_form": {"en": "accept the form {form}", "fr": "accepter la forme {form}"},
    "change.accept_modality": {"en": "accept the modality {modality}", "fr": "accepter la modalité {modality}"},
    "change.give_up_place": {"en": "give up the imposed place", "fr": "renoncer au lieu imposé"},
    "change.start_earlier": {
        "en": "let the window begin {days} {days?day|days} earlier",
        "fr": "avancer le début de la période de {days} {days?jour|jours}",
    },
    "change.end_later": {
        "en": "let the window end {days} {days?day|days} later",
        "fr": "repousser la fin de la période de {days} {days?jour|jours}",
    },
    "change.lower_minimum": {
        "en": "send at least {participants} {participants?participant|participants} only",
        "fr": "n’exiger que {participants} {participants?participant|participants} au minimum",
    },
    "change.raise_maximum": {
        "en": "allow up to {participants} {participants?participant|participants}",
        "fr": "admettre jusqu’à {participants} {participants?participant|participants}",
    },
    "change.raise_ceiling": {"en": "raise the ceiling by {amount}", "fr": "relever le plafond de {amount}"},
    "change.accept_award": {"en": "accept this award: {award}", "fr": "accepter cette attestation : {award}"},
    "change.lift_exclusion": {
        "en": "lift what rules out this provider, one of its partners or their working together",
        "fr": "lever ce qui exclut ce prestataire, l’un de ses partenaires ou leur collaboration",
    },
    "change.widen_visibility": {
        "en": "let the provider see the request",
        "fr": "rendre la demande visible pour le prestataire",
    },
    "change.renew_vetting": {"en": "renew the vetting of the offering", "fr": "renouveler l’agrément de l’offre"},
    "change.verify_provider": {"en": "verify the provider", "fr": "vérifier le prestataire"},
    "change.serve_country": {"en": "extend the offering to {country}", "fr": "étendre l’offre à : {country}"},
    "change.serve_region": {"en": "extend the offering to {region}", "fr": "étendre l’offre à : {region}"},
    "change.admit_audience": {
        "en": "open the offering to this audience: {audience}",
        "fr": "ouvrir l’offre à ce public : {audience}",
    },
    "change.schedule_session": {
        "en": "announce a session in the window with {participants} {participants?seat|seats}",
        "fr": "annoncer dans la période une session de {participants} {participants?place|places}",
    },
    # --- relaxations of a request without candidates ----------------------------------------------------------
    "relax.theme_mismatch": {
        "en": "Accept any theme of the same field as {theme}.",
        "fr": "Accepter tout thème du même domaine que {theme}.",
    },
    "relax.language_not_deliverable": {
        "en": "Accept another language than {language}.",
        "fr": "Accepter une autre langue que : {language}.",
    },
    "relax.level_mismatch": {"en": "Accept any level.", "fr": "Accepter tous les niveaux."},
    "relax.form_mismatch": {"en": "Accept any form.", "fr": "Accepter toutes les formes."},
    "relax.modality_mismatch": {"en": "Accept any modality.", "fr": "Accepter toutes les modalités."},
    "relax.place_mismatch": {"en": "Give up the imposed place.", "fr": "Renoncer au lieu imposé."},
    "relax.window_missed": {"en": "Accept any dates.", "fr": "Accepter toutes les dates."},
    "relax.capacity_short": {
        "en": "Accept fewer participants than the minimum.",
        "fr": "Accepter moins de participants que le minimum.",
    },
    "relax.group_too_small": {
        "en": "Send more participants than the maximum.",
        "fr": "Envoyer plus de participants que le maximum.",
    },
    "relax.cost_over_ceiling": {"en": "Raise the ceiling.", "fr": "Relever le plafond."},
    "relax.cost_over_left": {
        "en": "Raise the ceiling of {ceiling}: {committed} of it is asked for or agreed for other lines, {left} is left.",
        "fr": "Relever le plafond de {ceiling} : {committed} en sont demandés ou convenus pour d’autres lignes, il reste {left}.",
    },
    "relax.award_unavailable": {"en": "Give up the award.", "fr": "Renoncer à l’attestation."},
    "relax.excluded_by_requester": {"en": "Lift the exclusions.", "fr": "Lever les exclusions."},
    "relax.not_visible": {
        "en": "Let more providers see the request.",
        "fr": "Rendre la demande visible à davantage de prestataires.",
    },
    # --- lines and proposals ----------------------------------------------------------------------------------
    "conflict.opens": {
        "en": "Line {line} ({theme}): no offering meets all its constraints; the smallest relaxation opens {offers} {offers?offering|offerings}.",
        "fr": "Ligne {line} ({theme}) : aucune offre ne satisfait à toutes ses contraintes ; le plus petit assouplissement ouvre {offers} {offers?offre|offres}.",
    },
    "conflict.closed": {
        "en": "Line {line} ({theme}): no offering meets its constraints, and none of the request’s own constraints would change that.",
        "fr": "Ligne {line} ({theme}) : aucune offre ne satisfait à ses contraintes, et aucun assouplissement de la demande n’y changerait rien.",
    },
    "proposal.one": {
        "en": "One partner covers all {lines} {lines?line|lines}.",
        "fr": "Un seul partenaire couvre {lines} {lines?ligne|lignes} sur {lines}.",
    },
    "proposal.team": {
        "en": "{partners} partners together cover all {lines} lines.",
        "fr": "{partners} partenaires couvrent ensemble les {lines} lignes.",
    },
    "proposal.partial": {
        "en": "{covered} of {lines} lines are covered by {partners} {partners?partner|partners}; the others stay open.",
        "fr": "{covered} {covered?ligne est couverte|lignes sont couvertes} sur {lines} par {partners} {partners?partenaire|partenaires} ; les autres restent ouvertes.",
    },
    "proposal.uncovered": {
        "en": "Line {line} ({theme}) is not covered.",
        "fr": "La ligne {line} ({theme}) n’est pas couverte.",
    },
    "proposal.cost": {"en": "Estimated in all at {amount}.", "fr": "Coût total estimé à {amount}."},
    "proposal.ceiling_left": {
        "en": "Of the ceiling of {ceiling}, {committed} is asked for or agreed for other lines of the request; {left} is left.",
        "fr": "Du plafond de {ceiling}, {committed} sont demandés ou convenus pour d’autres lignes de la demande ; il reste {left}.",
    },
}
