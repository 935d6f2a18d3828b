"""Chapters of the API documentation, in their order."""

TAGS = {
    "Start": "Where to begin: links, health, this documentation, the error catalogue.",
    "Account": "Who you are, your tokens, signing in to the desk.",
    "Requests": "Training needs: draft, submit, screen, follow.",
    "Providers": "Providers, offerings, sessions and capacity.",
    "Matching": "Policies, runs, plans, reports.",
    "Proposals": "Who is proposed for a need and why; the requester's say, the decision, the partners' answers.",
    "Engagements": "What was agreed, delivered, confirmed, evaluated.",
    "Organizations": "Organizations, memberships, programmes, integrating systems.",
    "Vocabularies": "Coded lists, places, exchange rates, service levels.",
    "Events": "The feed of what became true, notifications, audit.",
    "Webhooks": "Events brought to your own systems: signed, in order for each thing, again until they are taken.",
    "Imports": "Many records from files: dry run, row by row, resumed after a kill.",
    "Documents": "What belongs to requests and engagements on paper.",
    "Work": "Background jobs.",
}
