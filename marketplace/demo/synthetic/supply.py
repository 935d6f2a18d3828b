"""Made-up providers with their capacity, and offerings with their sessions: columns of the rows, without keys."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import log
from random import Random
from typing import Any

from marketplace.demo.synthetic import weights
from marketplace.demo.synthetic.draws import Draw, World, generator, low, months
from marketplace.kernel.periods import Period

Columns = dict[str, Any]
SOURCE = "synthetic"
PROVENANCE = {"origin": SOURCE, "synthetic_fields": ["*"]}
VETTED_BEFORE, VETTED_FOR = timedelta(days=292), timedelta(days=730)


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What is drawn of a provider."""

    number: int
    code: str
    kind: str
    country: str
    scope: str
    regions: list[str]
    languages: list[str]
    state: str


class Supply:
    """Draws the supply side for ``year``, as seen on ``today``."""

    def __init__(self, world: World, *, seed: int, providers: int, today: date) -> None:
        self._world = world
        self._seed = seed
        self._today = today
        self.year = today.year + 1
        self._kind, self._state = Draw(weights.PROVIDER_KINDS), Draw(weights.PROVIDER_STATES)
        self._offering_state, self._level = Draw(weights.OFFERING_STATES), Draw(weights.LEVELS)
        self._award = Draw(weights.AWARDS)
        self.providers = [self._provider(number) for number in range(providers)]

    def _provider(self, number: int) -> ProviderFacts:
        rng, world = generator(self._seed, "provider", number), self._world
        host = world.host(rng)
        scope = "global" if rng.random() < 0.45 else "listed"
        regions: set[str] = set()
        if scope == "listed":
            regions = {world.area_of(host)}
            regions |= {world.area_of(world.country(rng))} if rng.random() < 0.6 else set()
        languages = {"en", *world.languages_of(host)[:1], world.offer_language(rng)}
        return ProviderFacts(
            number + 1,
            f"SYN-P{number + 1:06d}",
            self._kind(rng),
            host,
            scope,
            sorted(regions),
            sorted(languages),
            self._state(rng),
        )

    def organization_names(self, provider: ProviderFacts) -> dict[str, str]:
        """Give the names of a provider's organization."""
        name = self._world.country_name
        return {
            "en": f"Training provider {provider.number}, {name(provider.country, 'en')}",
            "fr": f"Prestataire de formation {provider.number}, {name(provider.country, 'fr')}",
        }

    def provider_columns(self, provider: ProviderFacts) -> Columns:
        """Give the columns of a provider."""
        verified_on = self._today - VETTED_BEFORE if provider.state == "verified" else None
        return {
            "code": provider.code,
            "names": {
                "en": f"Training provider {provider.number}",
                "fr": f"Prestataire de formation {provider.number}",
            },
            "scope": provider.scope,
            "regions_served": provider.regions,
            "working_languages": provider.languages,
            "checks": ["legal_status", "references"] if verified_on else [],
            "verified_on": verified_on,
            "verification_expires_on": verified_on + VETTED_FOR if verified_on else None,
            "provenance": PROVENANCE,
        }

    def windows(self, provider: ProviderFacts) -> list[Columns]:
        """Give the capacity of a provider: trainer days in each half of the year."""
        rng = generator(self._seed, "window", provider.number - 1)
        return [
            {
                "code": f"{provider.code}-C{half}",
                "unit": "trainer_days",
                "quantity": rng.randrange(6, 90),
                **dates(Period(months(self.year, 6 * half - 5, 6).start, months(self.year, 6 * half - 5, 6).end)),
                "provenance": PROVENANCE,
            }
            for half in (1, 2)
        ]

    def offering(self, number: int) -> tuple[ProviderFacts, str, Columns, list[Columns]]:
        """Give provider, state and columns of an offering, and the columns of its sessions."""
        rng, world = generator(self._seed, "offering", number), self._world
        provider = self.providers[int(len(self.providers) * rng.random() ** 1.6)]
        group, modality = world.offered_theme(rng), world.modality(rng)
        form = world.form[modality](rng)
        pool = weights.THEMES[group][1]
        themes = rng.sample(pool, min(len(pool), rng.choices((1, 2, 3), (60, 30, 10))[0]))
        languages = [world.offer_language(rng)]
        if rng.random() < 0.25:
            languages = list(dict.fromkeys([*languages, world.offer_language(rng)]))
        audiences = list(dict.fromkeys(world.audience[group](rng) for _ in range(3)))
        worldwide = provider.scope == "global" or (modality == "online" and rng.random() < 0.7)
        state = self._offering_state(rng)
        columns = {
            "code": f"SYN-O{number + 1:07d}",
            "external_id": f"synthetic:{number + 1}",
            "source": SOURCE,
            **self._texts(themes[0], form, number),
            "language_of_record": "fr" if languages[0] == "fr" else "en",
            "themes": themes,
            "form": form,
            "modality": modality,
            "languages": languages,
            "interpretation_possible": modality == "in_person" and rng.random() < 0.35,
            "audiences": audiences,
            "level": self._level(rng),
            "governance_levels": ["municipal", "regional"]
            if "local_regional_authorities" in audiences
            else ["national"],
            "scope": "global" if worldwide else "listed",
            "regions_served": [] if worldwide else provider.regions,
            "places": [] if modality == "online" else [{"country": provider.country}],
            "in_country_on_request": modality != "online" and rng.random() < 0.4,
            "on_request": rng.random() < 0.5,
            "customisable": rng.random() < 0.4,
            "award": self._award(rng),
            **_sizes(form, rng),
            **self._vetting(state),
            "provenance": PROVENANCE,
        }
        return provider, state, columns, self._sessions(columns, state, rng)

    def _texts(self, theme: str, form: str, number: int) -> Columns:
        en, fr = self._world.theme_label(theme, "en"), self._world.theme_label(theme, "fr")
        return {
            "titles": {
                "en": f"{en}: {form.replace('_', ' ')} {number + 1}",
                "fr": f"{fr} : formation {number + 1}",
            },
            "summaries": {
                "en": f"Synthetic offering on {low(en)}.",
                "fr": f"Offre synthétique : {low(fr)}.",
            },
            "objectives": {
                "en": [f"Apply what was learned about {low(en)}"],
                "fr": [f"Mettre en pratique : {low(fr)}"],
            },
            "prerequisites": {"en": "None.", "fr": "Aucun."},
        }

    def _vetting(self, state: str) -> Columns:
        if state == "in_vetting":
            return {"vetting_verdict": "pending"}
        vetted_on = self._today - VETTED_BEFORE
        return {
            "vetting_panel": SOURCE,
            "vetting_verdict": "accepted",
            "vetted_on": vetted_on,
            "vetting_expires_on": vetted_on + VETTED_FOR,
            "first_published_on": vetted_on,
        }

    def _sessions(self, offering: Columns, state: str, rng: Random) -> list[Columns]:
        if state != "published" or offering["form"] in weights.WITHOUT_SESSIONS:
            return []
        found = []
        for number in range(rng.choices((0, 1, 2, 3), (35, 40, 17, 8))[0]):
            period = months(self.year, self._world.month(rng))
            drawn = round(rng.lognormvariate(log(30), 0.4))
            country = offering["places"][0]["country"] if offering["places"] else ""
            found.append(
                {
                    "code": f"{offering['code']}-{number + 1}",
                    **dates(period),
                    "enrolment_deadline": period.start - timedelta(days=max(7, offering["lead_time_days"] // 2)),
                    "modality": offering["modality"],
                    "country": country,
                    "languages": offering["languages"][:1],
                    "seats_total": max(offering["participants_min"], min(offering["participants_max"], drawn)),
                    "seats_min": offering["participants_min"],
                    "state": rng.choice(("planned", "open")),
                    "provenance": PROVENANCE,
                }
            )
        return found


def dates(period: Period) -> Columns:
    """Give the columns of a period."""
    return {"start_on": period.start, "end_on": period.end, "precision": period.precision.value}


def _sizes(form: str, rng: Random) -> Columns:
    hours, least, most, cost, lead = weights.FORM_FACTS[form]
    return {
        "duration_hours": max(1, round(hours * rng.uniform(0.7, 1.5))),
        "workload_hours_per_week": min(hours, 30),
        "participants_min": least,
        "participants_max": most,
        "cost_per_delivery": Decimal(round(cost * rng.uniform(0.5, 1.8), -2)).quantize(Decimal("0.01")),
        "cost_per_participant": Decimal("0.00"),
        "currency": "USD",
        "cost_includes": ["trainers", "materials"],
        "lead_time_days": lead,
    }
