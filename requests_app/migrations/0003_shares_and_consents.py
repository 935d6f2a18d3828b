"""Shares get scope, end and outward id; a public listing needs a consent."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

import marketplace.kernel.ids


def give_ids(apps: Any, schema_editor: Any) -> None:
    """Give each share that is there an id of its own."""
    share = apps.get_model("requests_app", "RequestShare")
    for row in share.objects.filter(public_id__isnull=True):
        share.objects.filter(pk=row.pk).update(
            public_id=marketplace.kernel.ids.new_public_id(), created_at=row.shared_at, updated_at=row.shared_at
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_grants"),
        ("requests_app", "0002_trainingrequest_lead_required_keptapart"),
    ]

    operations = [
        migrations.CreateModel(
            name="PostingConsent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("given_at", models.DateTimeField()),
                ("given_by", models.CharField(max_length=200)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_by", models.CharField(blank=True, max_length=200)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="requests_app.trainingrequest",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AddConstraint(
            model_name="postingconsent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at__isnull", True)),
                fields=("request",),
                name="posting_consent_once_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="postingconsent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawn_at__isnull", True), ("withdrawn_by", "")),
                    models.Q(("withdrawn_at__isnull", False), models.Q(("withdrawn_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="posting_consent_withdrawal_has_author",
            ),
        ),
        migrations.RemoveConstraint(model_name="requestshare", name="share_once_per_organization"),
        migrations.AddField(
            model_name="requestshare",
            name="public_id",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="version",
            field=models.PositiveIntegerField(default=1, editable=False),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="created_at",
            field=models.DateTimeField(default=timezone.now, editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="requestshare",
            name="updated_at",
            field=models.DateTimeField(default=timezone.now, editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="requestshare",
            name="sees",
            field=models.CharField(
                choices=[("summary", "summary"), ("body", "body"), ("documents", "documents")],
                db_default="documents",
                default="documents",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="may",
            field=models.CharField(
                choices=[("read", "read"), ("comment", "comment")],
                db_default="comment",
                default="comment",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(give_ids, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="requestshare",
            name="public_id",
            field=models.UUIDField(default=marketplace.kernel.ids.new_public_id, editable=False, unique=True),
        ),
        migrations.AddConstraint(
            model_name="requestshare",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("request", "organization"),
                name="share_once_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="requestshare",
            constraint=models.CheckConstraint(
                condition=models.Q(("may__in", ("read", "comment")), ("sees__in", ("summary", "body", "documents"))),
                name="share_scope_known",
            ),
        ),
    ]
