"""What was told before of engagements is told to nobody whose membership is limited to some countries: which they are in, and
whose they are, is not known here.

In steps, each committed by itself: everybody goes on writing and publishing meanwhile.
"""

from typing import Any

from django.db import migrations
from django.db.models import Max, Q

OF_ENGAGEMENTS = (
    "engagement",
    "engagement_change",
    "cost_share",
    "delivery",
    "evaluation",
    "evaluation_waiver",
    "milestone",
    "outcome_story",
)
STEP = 10_000  # keys


def mark(apps: Any, schema_editor: Any) -> None:
    events = apps.get_model("events", "OutboxEvent").objects
    wanted = Q(resource__in=OF_ENGAGEMENTS) | Q(resource="document", data__about__resource="engagement")
    last = events.aggregate(last=Max("id"))["last"] or 0
    for begin in range(0, last, STEP):
        events.filter(wanted, id__gt=begin, id__lte=begin + STEP, countries__isnull=True).update(countries="")


class Migration(migrations.Migration):
    atomic = False  # each step is committed, so that no row is locked for long
    dependencies = [("events", "0004_countries")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
