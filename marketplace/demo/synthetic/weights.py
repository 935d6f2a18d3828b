"""What is drawn how often."""

# --- demand -------------------------------------------------------------------------------------------------------
# Countries: weight by M49 region (assumed), raised for the countries that the texts name.
REGION_WEIGHT = {
    "002": 2,
    "034": 2,
    "035": 2,
    "419": 1,
    "143": 1,
    "145": 1,
    "151": 0.7,
    "009": 0.5,
    "021": 0.4,
    "155": 0.4,
}
TARGETS = (
    "CPV",
    "DZA",
    "ECU",
    "EGY",
    "ETH",
    "GEO",
    "GHA",
    "JAM",
    "LKA",
    "MAR",
    "MDA",
    "MLI",
    "NGA",
    "PHL",
    "SEN",
    "TUN",
)
TARGET_WEIGHT = 6  # target countries of the JMDI
INTERESTED, INTERESTED_WEIGHT = ("MUS", "TUN"), 7  # in the mainstreaming pilot
PILOTS, PILOT_WEIGHT = ("BGD", "JAM", "MDA", "MLI"), 12

# Groups of themes: mentions in the texts, and the concepts of the theme scheme in each.
THEMES: dict[str, tuple[int, tuple[str, ...]]] = {
    "local": (52, ("local-governance", "local-authority-capacity", "city-partnerships", "multilevel-governance")),
    "mainstreaming": (33, ("mainstreaming", "policy-coherence", "consultation-monitoring")),
    "diaspora": (14, ("diaspora", "diaspora-post-conflict", "diaspora-investment", "co-development")),
    "labour": (
        14,
        (
            "labour-migration",
            "fair-recruitment",
            "employment",
            "skills-recognition",
            "women-migrant-workers",
            "labour-market-reintegration",
            "entrepreneurship",
            "social-security-portability",
        ),
    ),
    "services": (13, ("access-to-services", "education", "health", "social-services", "transport")),
    "integration": (
        13,
        ("integration", "participation", "social-cohesion", "intercultural-dialogue", "public-perceptions"),
    ),
    "security": (
        12,
        (
            "trafficking",
            "trafficking-victims",
            "trafficking-prosecution",
            "human-security",
            "smuggling",
            "mixed-migration",
            "vulnerable-migrants",
            "missing-migrants",
        ),
    ),
    "data": (9, ("migration-data", "migration-profiles", "migration-research", "geospatial-information")),
    "environment": (7, ("climate-change", "environmental-sustainability", "sustainable-development")),
    "law": (5, ("international-migration-law", "human-rights", "access-to-justice", "legal-identity")),
    "urbanization": (5, ("urbanization",)),
    "groups": (5, ("youth", "gender", "ageing")),
    "remittances": (2, ("remittances",)),
}
# Agencies and months: mentions in the texts.
AGENCIES = {
    "UNITAR": 62,
    "IOM": 24,
    "UNFPA": 13,
    "UNDP": 12,
    "ILO": 5,
    "UNHCR": 4,
    "UNDESA": 2,
    "WB": 2,
    "UNODC": 1,
    "OCHA": 1,
    "UNIFEM": 1,
}
MONTHS = {2: 1, 3: 4, 4: 2, 6: 3, 7: 2, 8: 1, 9: 1, 10: 2, 11: 2, 12: 1}
PARTICIPANTS_MEDIAN, PARTICIPANTS_SIGMA = 35, 0.5  # log-normal, assumed
STATES = {"open": 78, "submitted": 10, "draft": 6, "returned": 4, "unmet": 2}  # assumed
NEED_FORMS = ("workshop", "seminar", "course", "blended", "online_tutored", "webinar", "training_of_trainers")
NEAR_DUPLICATES = 0.015  # of the needs, by another agency; assumed

# --- supply: assumed, around the places and forms that the texts name -----------------------------------------------
HOSTS = {
    "CHE": 20,
    "USA": 16,
    "BEL": 12,
    "KOR": 10,
    "TZA": 10,
    "ITA": 6,
    "FRA": 5,
    "KEN": 5,
    "PHL": 5,
    "SEN": 5,
    "MAR": 4,
    "THA": 4,
    "ESP": 4,
    "MUS": 3,
    "JAM": 3,
    "ECU": 3,
    "EGY": 3,
    "ZAF": 3,
    "BRA": 3,
    "MEX": 3,
}
MODALITIES = {"online": 60, "in_person": 30, "blended": 10}
OFFER_LANGUAGES = {"en": 62, "fr": 22, "es": 8, "ar": 3, "pt": 3, "ru": 2}
LANGUAGES = frozenset({"en", "fr", "es", "ar", "ru", "pt", "zh"})  # that offerings and needs are drawn from
FORMS: dict[str, dict[str, int]] = {
    "online": {
        "online_tutored": 45,
        "online_self_paced": 30,
        "webinar": 15,
        "e_discussion": 6,
        "community_of_practice": 4,
    },
    "in_person": {
        "seminar": 30,
        "workshop": 35,
        "course": 15,
        "training_of_trainers": 8,
        "study_visit": 4,
        "peer_exchange": 3,
        "policy_dialogue": 5,
    },
    "blended": {"blended": 85, "twinning": 15},
}
# Hours, smallest group, largest group, cost of a delivery in United States dollars, lead time in days.
FORM_FACTS = {
    "online_tutored": (30, 10, 60, 15000, 60),
    "online_self_paced": (8, 1, 5000, 0, 0),
    "webinar": (2, 10, 500, 1500, 14),
    "e_discussion": (5, 20, 1000, 3000, 21),
    "community_of_practice": (10, 1, 5000, 0, 0),
    "seminar": (6, 15, 120, 9000, 45),
    "workshop": (14, 12, 40, 24000, 60),
    "course": (24, 15, 45, 30000, 90),
    "training_of_trainers": (30, 10, 25, 32000, 90),
    "study_visit": (24, 6, 20, 28000, 90),
    "peer_exchange": (14, 6, 30, 15000, 60),
    "policy_dialogue": (6, 15, 120, 15000, 60),
    "blended": (40, 15, 40, 45000, 90),
    "twinning": (40, 2, 20, 40000, 120),
}
WITHOUT_SESSIONS = ("online_self_paced", "community_of_practice")
PROVIDER_KINDS = {
    "university": 25,
    "regional_centre": 20,
    "civil_society": 20,
    "city_platform": 10,
    "private_sector": 10,
    "cifal_centre": 8,
    "network": 7,
}
PROVIDER_STATES = {"verified": 92, "pending": 6, "suspended": 2}
OFFERING_STATES = {"published": 90, "in_vetting": 5, "suspended": 2, "retired": 3}
LEVELS = {"introductory": 40, "intermediate": 45, "advanced": 15}
AWARDS = {"none": 15, "participation": 45, "completion": 32, "diploma_credit": 8}
AUDIENCES = {
    "local": {"local_regional_authorities": 80, "civil_society": 20},
    "urbanization": {"local_regional_authorities": 80, "national_government": 20},
    "mainstreaming": {"national_government": 60, "un_staff_country_teams": 40},
    "law": {"diplomats_delegates": 40, "paralegal_justice": 35, "national_government": 25},
    "security": {
        "local_regional_authorities": 35,
        "paralegal_justice": 30,
        "national_government": 20,
        "civil_society": 15,
    },
    "diaspora": {"migrant_diaspora_associations": 45, "national_government": 40, "civil_society": 15},
}
AUDIENCE_ELSE = {
    "national_government": 40,
    "local_regional_authorities": 25,
    "civil_society": 15,
    "un_staff_country_teams": 10,
    "academia": 5,
    "private_sector": 5,
}
