"""Write the events that inviting somebody and taking a second factor away did not leave before: each act has both of its pair.

Who did it stands in the audit record alone: a name that was erased there must not come back by this.
"""

from typing import Any

from django.db import migrations

ACTIONS = ("invited", "second_factor_taken")


def make_up(apps: Any, schema_editor: Any) -> None:
    events = apps.get_model("events", "OutboxEvent").objects
    records = apps.get_model("audit", "AuditRecord").objects.filter(resource="user", action__in=ACTIONS)
    for record in records.order_by("id").iterator():
        facts = {"type": f"user.{record.action}", "resource_id": record.resource_id, "at": record.at}
        if not events.filter(**facts).exists():
            events.create(**facts, resource="user", audience="secretariat", request_id=record.request_id)


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0002_browser_sessions"),
        ("audit", "0003_chain"),
        ("events", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_up, migrations.RunPython.noop)]
