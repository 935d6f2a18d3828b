# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what is said of a plan of all needs: fairness, alternates, prices, shortages, the difference from greedy.

Where a change is told, the first objective that differs is named: needs served, the worst-served need, total fit, pairs
kept. `_bound` marks figures that are proved as a bound and not as exact.
"""

from collections.abc import Mapping

PORTFOLIO: Mapping[str, Mapping[str, str]] = {
    # --- the plan as a whole ----------------------------------------------------------------------------------
    "plan.served": {
        "en": "{served} of {needs} needs are served, with a fit of {points:score/served} of 100 on average.",
        "fr": "{served} {served?besoin est satisfait|besoins sont satisfaits} sur {needs}, avec une adéquation moyenne de {points:score/served} sur 100.",
    },
    "plan.proven": {
        "en": "No better plan exists: every objective is proved.",
        "fr": "Il n’existe pas de meilleur plan : chaque objectif est démontré.",
    },
    "plan.gap": {
        "en": "The time ended before the proof: in the objective “{objective}” a better plan could gain {gap} at most.",
        "fr": "Le temps imparti s’est achevé avant la preuve : pour l’objectif « {objective} », un meilleur plan gagnerait au plus {gap}.",
    },
    "plan.gap_served": {
        "en": "The time ended before the proof: a better plan could serve {gap} more {gap?need|needs} of class {priority_class} at most.",
        "fr": "Le temps imparti s’est achevé avant la preuve : un meilleur plan satisferait au plus {gap} {gap?besoin|besoins} de plus en classe {priority_class}.",
    },
    "plan.gap_worst": {
        "en": "The time ended before the proof: a better plan could lift the worst-served need by {gap:score} points at most.",
        "fr": "Le temps imparti s’est achevé avant la preuve : avec un meilleur plan, le besoin le moins bien servi gagnerait au plus {gap:score} {gap:score?point|points}.",
    },
    "plan.gap_total": {
        "en": "The time ended before the proof: a better plan could gain {gap:score} points of fit at most.",
        "fr": "Le temps imparti s’est achevé avant la preuve : un meilleur plan gagnerait au plus {gap:score} {gap:score?point|points} d’adéquation.",
    },
    "plan.gap_kept": {
        "en": "The time ended before the proof: a better plan could keep {gap} more {gap?pair|pairs} of the last plan at most.",
        "fr": "Le temps imparti s’est achevé avant la preuve : un meilleur plan reprendrait au plus {gap} choix de plus du plan précédent.",
    },
    "plan.unproven": {
        "en": "The time ended before the plan was proved to be the best.",
        "fr": "Le temps imparti s’est achevé avant que le plan soit démontré optimal.",
    },
    "plan.worst_so_far": {
        "en": "The worst-served need has a fit of {points:score} of 100.",
        "fr": "Le besoin le moins bien servi a une adéquation de {points:score} sur 100.",
    },
    "plan.worst": {
        "en": "The worst-served need has a fit of {points:score} of 100; no plan that serves as many can lift it higher.",
        "fr": "Le besoin le moins bien servi a une adéquation de {points:score} sur 100 ; aucun plan satisfaisant autant de besoins ne peut l’améliorer.",
    },
    "plan.conflict": {
        "en": "There is no plan: these wishes cannot hold together, and without one of them the others can.",
        "fr": "Il n’y a pas de plan : ces exigences ne peuvent tenir ensemble ; si l’une est levée, les autres le peuvent.",
    },
    "plan.unknown": {
        "en": "The time ended before any plan was found.",
        "fr": "Le temps imparti s’est achevé avant qu’un plan soit trouvé.",
    },
    "plan.conflict_lock": {
        "en": "Locked: {candidate} for {need}.",
        "fr": "Verrouillé : {candidate} pour {need}.",
    },
    "plan.conflict_floor": {
        "en": "Floor ({group}): at least {minimum} {minimum?need|needs} served.",
        "fr": "Plancher ({group}) : au moins {minimum} {minimum?besoin satisfait|besoins satisfaits}.",
    },
    "plan.conflict_minimum": {
        "en": "Minimum load: at least {minimum} of {capacity}.",
        "fr": "Charge minimale : au moins {minimum} pour {capacity}.",
    },
    # --- why this candidate -----------------------------------------------------------------------------------
    "choice.best": {
        "en": "{candidate} is the best of {eligible} eligible {eligible?candidate|candidates} ({points:score} of 100).",
        "fr": "{candidate} est le meilleur choix parmi {eligible} {eligible?candidat recevable|candidats recevables} ({points:score} sur 100).",
    },
    "choice.locked": {"en": "A person has locked {candidate}.", "fr": "Une personne a verrouillé {candidate}."},
    "choice.regret": {
        "en": "{candidate} has {points:score} points less than its best candidate {best}.",
        "fr": "{candidate} a {points:score} {points:score?point|points} de moins que le meilleur candidat, {best}.",
    },
    "choice.best_full": {
        "en": "{best} is taken: {capacities} {capacities?has|have} no room left beside {needs}.",
        "fr": "{best} est pris : {capacities} n’{capacities?a|ont} plus de place à côté de {needs}.",
    },
    "choice.best_no_room": {
        "en": "{best} has no room: {capacities}.",
        "fr": "{best} n’a pas assez de place : {capacities}.",
    },
    "choice.best_costs": {
        "en": "{best} would overspend {budgets}.",
        "fr": "{best} coûterait plus que n’en {budgets?permet|permettent} {budgets}.",
    },
    "choice.best_elsewhere": {
        "en": "{best} would fit, but the plan as a whole gains by this choice: others are served, or better served.",
        "fr": "{best} conviendrait, mais l’ensemble du plan gagne à ce choix : d’autres sont servis, ou mieux servis.",
    },
    # --- alternates -------------------------------------------------------------------------------------------
    "alternate.none": {
        "en": "{candidate} would do as well: the plan as a whole loses nothing.",
        "fr": "{candidate} conviendrait tout autant : l’ensemble du plan n’y perd rien.",
    },
    "alternate.kept": {
        "en": "{candidate} would do as well, with {pairs} {pairs?pair|pairs} of the last plan less kept.",
        "fr": "{candidate} conviendrait tout autant, mais {pairs} {pairs?choix|choix} du plan précédent ne {pairs?serait plus repris|seraient plus repris}.",
    },
    "alternate.total": {
        "en": "{candidate} could take its place: the plan as a whole loses {points:score} points.",
        "fr": "{candidate} pourrait le remplacer : l’ensemble du plan perd {points:score} {points:score?point|points}.",
    },
    "alternate.worst": {
        "en": "{candidate} could take its place: the worst-served need falls by {points:score} points.",
        "fr": "{candidate} pourrait le remplacer : le besoin le moins bien servi perd {points:score} {points:score?point|points}.",
    },
    "alternate.served": {
        "en": "{candidate} could take its place, but {needs} {needs?need|needs} of class {priority_class} would go unserved.",
        "fr": "{candidate} pourrait le remplacer, mais {needs} {needs?besoin|besoins} de classe {priority_class} ne {needs?serait pas satisfait|seraient pas satisfaits}.",
    },
    "alternate.none_bound": {
        "en": "{candidate} would do as well: the plan as a whole loses nothing.",
        "fr": "{candidate} conviendrait aussi bien : l’ensemble du plan n’y perd rien.",
    },
    "alternate.kept_bound": {
        "en": "{candidate} would do as well, with at most {pairs} {pairs?pair|pairs} of the last plan less kept.",
        "fr": "{candidate} conviendrait tout autant, avec au plus {pairs} {pairs?choix|choix} du plan précédent en moins.",
    },
    "alternate.total_bound": {
        "en": "{candidate} could take its place: the plan as a whole loses at most {points:score} points.",
        "fr": "{candidate} pourrait le remplacer : l’ensemble du plan perd au plus {points:score} {points:score?point|points}.",
    },
    "alternate.worst_bound": {
        "en": "{candidate} could take its place: the worst-served need falls by at most {points:score} points.",
        "fr": "{candidate} pourrait le remplacer : le besoin le moins bien servi perd au plus {points:score} {points:score?point|points}.",
    },
    # --- why not this one -------------------------------------------------------------------------------------
    "why_not.chosen": {
        "en": "{candidate} is the choice of the plan for {need}.",
        "fr": "{candidate} est le choix du plan pour {need}.",
    },
    "why_not.banned": {
        "en": "{candidate} is banned for {need}.",
        "fr": "{candidate} est écarté pour {need}.",
    },
    "why_not.conflict": {
        "en": "{candidate} cannot serve {need}: with it, no plan keeps the other locks, floors, minima and limits.",
        "fr": "{candidate} ne peut pas servir {need} : aucun plan ne respecterait alors les autres verrous, planchers, minima et limites.",
    },
    "why_not.not_proven": {
        "en": "The time ended before it was known whether {candidate} can serve {need}.",
        "fr": "Le temps imparti s’est achevé avant de savoir si {candidate} peut servir {need}.",
    },
    "why_not.none": {
        "en": "{candidate} for {need} would do as well: the plan as a whole loses nothing.",
        "fr": "{candidate} pour {need} conviendrait tout autant : l’ensemble du plan n’y perd rien.",
    },
    "why_not.kept": {
        "en": "{candidate} for {need} keeps {pairs} {pairs?pair|pairs} of the last plan less.",
        "fr": "{candidate} pour {need} reprend {pairs} {pairs?choix|choix} de moins du plan précédent.",
    },
    "why_not.total": {
        "en": "{candidate} for {need} costs the plan as a whole {points:score} points.",
        "fr": "{candidate} pour {need} coûte {points:score} {points:score?point|points} à l’ensemble du plan.",
    },
    "why_not.worst": {
        "en": "{candidate} for {need} lowers the worst-served need by {points:score} points.",
        "fr": "{candidate} pour {need} fait perdre {points:score} {points:score?point|points} au besoin le moins bien servi.",
    },
    "why_not.served": {
        "en": "{candidate} for {need} leaves {needs} {needs?need|needs} of class {priority_class} unserved.",
        "fr": "{candidate} pour {need} laisse {needs} {needs?besoin|besoins} de classe {priority_class} sans réponse.",
    },
    "why_not.bound": {
        "en": "The time ended before the proof: the loss may be smaller.",
        "fr": "Le temps imparti s’est achevé avant la preuve : la perte pourrait être moindre.",
    },
    "why_not.better": {
        "en": "With {candidate} for {need} a better plan was found: the present one was not proved to be the best.",
        "fr": "Avec {candidate} pour {need}, un meilleur plan a été trouvé : le plan actuel n’était pas démontré optimal.",
    },
    "move.changes": {
        "en": "{need} moves from {before} to {after}.",
        "fr": "{need} passe de {before} à {after}.",
    },
    "move.loses": {
        "en": "{need} loses {before} and goes unserved.",
        "fr": "{need} perd {before} et reste sans réponse.",
    },
    "move.gains": {"en": "{need} is served, by {after}.", "fr": "{need} est satisfait, par {after}."},
    # --- why a need is not served -----------------------------------------------------------------------------
    "shortage.no_candidate": {
        "en": "No offering meets its constraints.",
        "fr": "Aucune offre ne satisfait à ses contraintes.",
    },
    "shortage.banned": {
        "en": "All its {eligible} {eligible?candidate is|candidates are} banned.",
        "fr": "{eligible?Son seul candidat est écarté|Ses candidats sont tous écartés} ({eligible}).",
    },
    "shortage.cut": {
        "en": "{demand} needs can be served by {capacities} alone, with room for {supply}.",
        "fr": "{demand} besoins ne peuvent être satisfaits que par {capacities}, {capacities?qui n’en admet|qui n’en admettent} que {supply}.",
    },
    "shortage.none_open": {
        "en": "It can be served by {capacities} alone, where there is no room at all.",
        "fr": "Ce besoin ne peut être satisfait que par {capacities}, où il n’y a aucune place.",
    },
    "shortage.units": {
        "en": "It and the needs beside it ask for {demand} of {capacities} at the least, and there are {supply}.",
        "fr": "Ce besoin et ses concurrents demandent au moins {demand} unités de {capacities} ; il y en a {supply}.",
    },
    "shortage.packing": {
        "en": "Each of its candidates lacks room at {capacities}, and no other distribution serves more.",
        "fr": "Chacun de ses candidats manque de place chez {capacities}, et aucune autre répartition n’en satisfait davantage.",
    },
    "shortage.cut_many": {
        "en": "{demand} needs can be served by {capacities} and {more} {more?other|others} alone, with room for {supply}.",
        "fr": "{demand} besoins ne peuvent être satisfaits que par {capacities} et {more} {more?autre|autres}, qui n’en admettent que {supply}.",
    },
    "shortage.none_open_many": {
        "en": "It can be served by {capacities} and {more} {more?other|others} alone, where there is no room at all.",
        "fr": "Ce besoin ne peut être satisfait que par {capacities} et {more} {more?autre|autres}, où il n’y a aucune place.",
    },
    "shortage.units_many": {
        "en": "It and the needs beside it ask for {demand} of {capacities} and {more} {more?other|others} at the least, and there are {supply}.",
        "fr": "Ce besoin et ses concurrents demandent au moins {demand} unités de {capacities} et {more} {more?autre|autres} ; il y en a {supply}.",
    },
    "shortage.packing_many": {
        "en": "Each of its candidates lacks room at {capacities} and {more} {more?other|others}, and no other distribution serves more.",
        "fr": "Chacun de ses candidats manque de place chez {capacities} et {more} {more?autre|autres}, et aucune autre répartition n’en satisfait davantage.",
    },
    "shortage.full": {
        "en": "Each of its candidates lacks room at {capacities}.",
        "fr": "Chacun de ses candidats manque de place chez {capacities}.",
    },
    "shortage.full_many": {
        "en": "Each of its candidates lacks room at {capacities} and {more} {more?other|others}.",
        "fr": "Chacun de ses candidats manque de place chez {capacities} et {more} {more?autre|autres}.",
    },
    "shortage.competing": {"en": "In competition with: {needs}.", "fr": "En concurrence avec : {needs}."},
    "shortage.competing_more": {
        "en": "In competition with: {needs} and {more} {more?other|others}.",
        "fr": "En concurrence avec : {needs} et {more} {more?autre|autres}.",
    },
    "shortage.outranked": {
        "en": "Needs of a higher priority class come first: {needs}.",
        "fr": "Des besoins d’une classe de priorité supérieure passent avant : {needs}.",
    },
    "shortage.budget": {
        "en": "{candidate} would fit, but {budgets} {budgets?lacks|lack} {amount}.",
        "fr": "{candidate} conviendrait, mais il manque {amount} ({budgets}).",
    },
    "shortage.locked": {
        "en": "Locks, floors or minimum loads hold what it would need: {needs}.",
        "fr": "Des verrous, planchers ou charges minimales retiennent ce qu’il lui faudrait : {needs}.",
    },
    "shortage.not_proven": {
        "en": "The time ended before the plan was proved; it might still be served.",
        "fr": "Le temps imparti s’est achevé avant la preuve ; ce besoin pourrait encore être satisfait.",
    },
    # --- what more would bring --------------------------------------------------------------------------------
    "price.served": {
        "en": "{units} more of {capacity} {units?serves|serve} {needs} more {needs?need|needs} of class {priority_class}.",
        "fr": "{units} de plus pour {capacity} : {needs} {needs?besoin satisfait|besoins satisfaits} de plus en classe {priority_class}.",
    },
    "price.worst": {
        "en": "{units} more of {capacity} {units?lifts|lift} the worst-served need by {points:score} points.",
        "fr": "{units} de plus pour {capacity} : le besoin le moins bien servi gagne {points:score} {points:score?point|points}.",
    },
    "price.total": {
        "en": "{units} more of {capacity} {units?adds|add} {points:score} points of fit.",
        "fr": "{units} de plus pour {capacity} : {points:score} {points:score?point|points} d’adéquation de plus.",
    },
    "price.served_bound": {
        "en": "{units} more of {capacity} {units?serves|serve} at least {needs} more {needs?need|needs} of class {priority_class}.",
        "fr": "{units} de plus pour {capacity} : au moins {needs} {needs?besoin satisfait|besoins satisfaits} de plus en classe {priority_class}.",
    },
    "price.worst_bound": {
        "en": "{units} more of {capacity} {units?lifts|lift} the worst-served need by at least {points:score} points.",
        "fr": "{units} de plus pour {capacity} : le besoin le moins bien servi gagne au moins {points:score} {points:score?point|points}.",
    },
    "price.total_bound": {
        "en": "{units} more of {capacity} {units?adds|add} at least {points:score} points of fit.",
        "fr": "{units} de plus pour {capacity} : au moins {points:score} {points:score?point|points} d’adéquation de plus.",
    },
    "price.kept": {
        "en": "{units} more of {capacity} {units?keeps|keep} {pairs} more {pairs?pair|pairs} of the last plan.",
        "fr": "{units} de plus pour {capacity} : {pairs} choix de plus repris du plan précédent.",
    },
    "price.kept_bound": {
        "en": "{units} more of {capacity} {units?keeps|keep} at least {pairs} more {pairs?pair|pairs} of the last plan.",
        "fr": "{units} de plus pour {capacity} : au moins {pairs} choix de plus repris du plan précédent.",
    },
    "budget.served": {
        "en": "{amount} more for {budget} {needs?serves|serve} {needs} more {needs?need|needs} of class {priority_class}.",
        "fr": "{amount} de plus pour {budget} : {needs} {needs?besoin satisfait|besoins satisfaits} de plus en classe {priority_class}.",
    },
    "budget.worst": {
        "en": "{amount} more for {budget} lifts the worst-served need by {points:score} points.",
        "fr": "{amount} de plus pour {budget} : le besoin le moins bien servi gagne {points:score} {points:score?point|points}.",
    },
    "budget.total": {
        "en": "{amount} more for {budget} adds {points:score} points of fit.",
        "fr": "{amount} de plus pour {budget} : {points:score} {points:score?point|points} d’adéquation de plus.",
    },
    "budget.kept": {
        "en": "{amount} more for {budget} keeps {pairs} more {pairs?pair|pairs} of the last plan.",
        "fr": "{amount} de plus pour {budget} : {pairs} choix de plus repris du plan précédent.",
    },
    "budget.none": {
        "en": "{amount} more for {budget} changes nothing.",
        "fr": "{amount} de plus pour {budget} ne change rien.",
    },
    "budget.served_bound": {
        "en": "{amount} more for {budget} {needs?serves|serve} at least {needs} more {needs?need|needs} of class {priority_class}.",
        "fr": "{amount} de plus pour {budget} : au moins {needs} {needs?besoin satisfait|besoins satisfaits} de plus en classe {priority_class}.",
    },
    "budget.worst_bound": {
        "en": "{amount} more for {budget} lifts the worst-served need by at least {points:score} points.",
        "fr": "{amount} de plus pour {budget} : le besoin le moins bien servi gagne au moins {points:score} {points:score?point|points}.",
    },
    "budget.total_bound": {
        "en": "{amount} more for {budget} adds at least {points:score} points of fit.",
        "fr": "{amount} de plus pour {budget} : au moins {points:score} {points:score?point|points} d’adéquation de plus.",
    },
    "budget.kept_bound": {
        "en": "{amount} more for {budget} keeps at least {pairs} more {pairs?pair|pairs} of the last plan.",
        "fr": "{amount} de plus pour {budget} : au moins {pairs} choix de plus repris du plan précédent.",
    },
    "budget.none_bound": {
        "en": "Whether {amount} more for {budget} would change anything was not solved again.",
        "fr": "L’effet de {amount} de plus pour {budget} n’a pas été recalculé.",
    },
    # --- fairness ---------------------------------------------------------------------------------------------
    "fairness.group": {
        "en": "{group}: {served} of {needs} needs served.",
        "fr": "{group} : {served} {served?besoin satisfait|besoins satisfaits} sur {needs}.",
    },
    "fairness.group_mean": {
        "en": "{group}: {served} of {needs} needs served, with a fit of {points:score} of 100 on average.",
        "fr": "{group} : {served} {served?besoin satisfait|besoins satisfaits} sur {needs}, avec une adéquation moyenne de {points:score} sur 100.",
    },
    "fairness.price": {
        "en": "Floors and the worst-served need cost {points:score} points of total fit ({share} %).",
        "fr": "Les planchers et la règle du besoin le moins bien servi coûtent {points:score} {points:score?point|points} d’adéquation totale ({share} %).",
    },
    "fairness.free": {
        "en": "Floors and the worst-served need cost nothing: the total fit is the highest possible.",
        "fr": "Les planchers et la règle du besoin le moins bien servi ne coûtent rien : l’adéquation totale est la plus haute possible.",
    },
    "fairness.price_served": {
        "en": "Without floors and the worst-served rule, {plain} needs would be served instead of {served}.",
        "fr": "Sans les planchers ni la règle du besoin le moins bien servi, {plain} {plain?besoin serait satisfait|besoins seraient satisfaits} au lieu de {served}.",
    },
    "fairness.regret": {
        "en": "Compared with each need’s best candidate, the plan gives up {points:score} points in all and {highest:score} at most for one need.",
        "fr": "Par rapport au meilleur candidat de chaque besoin, le plan renonce à {points:score} {points:score?point|points} au total et à {highest:score} au plus pour un même besoin.",
    },
    "fairness.agencies": {
        "en": "Served shares of the requesting agencies: Jain’s index is {share} % (100 % means equal shares).",
        "fr": "Parts satisfaites des organismes demandeurs : indice de Jain de {share} % (100 % : parts égales).",
    },
    "fairness.providers": {
        "en": "Assignments of the providers: Jain’s index is {share} % (100 % means equal numbers).",
        "fr": "Activités confiées aux prestataires : indice de Jain de {share} % (100 % : nombres égaux).",
    },
    # --- the difference from greedy ---------------------------------------------------------------------------
    "greedy.served": {
        "en": "Going through the needs one by one would serve {needs} {needs?need|needs} of class {priority_class} less.",
        "fr": "En traitant les besoins l’un après l’autre, {needs} {needs?besoin|besoins} de classe {priority_class} de moins {needs?serait satisfait|seraient satisfaits}.",
    },
    "greedy.worst": {
        "en": "Going through the needs one by one would leave the worst-served need {points:score} points lower.",
        "fr": "En traitant les besoins l’un après l’autre, le besoin le moins bien servi aurait {points:score} {points:score?point|points} de moins.",
    },
    "greedy.total": {
        "en": "Going through the needs one by one would lose {points:score} points of fit.",
        "fr": "En traitant les besoins l’un après l’autre, on perdrait {points:score} {points:score?point|points} d’adéquation.",
    },
    "greedy.kept": {
        "en": "Going through the needs one by one would keep {pairs} {pairs?pair|pairs} of the last plan less.",
        "fr": "En traitant les besoins l’un après l’autre, on reprendrait {pairs} choix de moins du plan précédent.",
    },
    "greedy.none": {
        "en": "Going through the needs one by one gives a plan that is just as good.",
        "fr": "Traiter les besoins l’un après l’autre donne un plan tout aussi bon.",
    },
    "greedy.infeasible": {
        "en": "Going through the needs one by one breaks a floor or a minimum load.",
        "fr": "Traiter les besoins l’un après l’autre ne respecte pas un plancher ou une charge minimale.",
    },
    "greedy.better": {
        "en": "Going through the needs one by one gives a better plan: the time ended too early.",
        "fr": "Traiter les besoins l’un après l’autre donne un meilleur plan : le temps imparti était trop court.",
    },
    "greedy.left": {"en": "Left out by it: {needs}.", "fr": "Besoins alors délaissés : {needs}."},
    "greedy.left_more": {
        "en": "Left out by it: {needs} and {more} {more?other|others}.",
        "fr": "Besoins alors délaissés : {needs} et {more} {more?autre|autres}.",
    },
}
