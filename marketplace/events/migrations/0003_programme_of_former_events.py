"""What was told before is told to nobody whose membership is limited to some programmes: which it was in is not known here.

A migration of its own: the column that 0002 adds locks the table until that one is committed, and published events, which
nothing changes, are marked while everybody goes on.
"""

from typing import Any

from django.db import migrations

OF_NEEDS = (
    "training_request",
    "request_line",
    "clarification",
    "endorsement",
    "document",
    "proposal",
    "proposal_part",
    "engagement",
    "engagement_change",
    "cost_share",
    "delivery",
    "evaluation",
    "evaluation_waiver",
    "milestone",
    "outcome_story",
)


def mark(apps: Any, schema_editor: Any) -> None:
    published = apps.get_model("events", "OutboxEvent").objects.filter(sequence__isnull=False)
    published.filter(resource__in=OF_NEEDS).update(programme="")
    published.filter(resource__in=("offering", "session")).exclude(audience="public").update(programme="")


class Migration(migrations.Migration):
    dependencies = [("events", "0002_programme")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
