"""A share remembers on which terms it was shown before a proposal asked for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_memberships_appoint"),
        ("requests_app", "0005_open_requests_by_opening"),
    ]

    operations = [
        migrations.AddField(
            model_name="requestshare",
            name="former_expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="former_may",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="requestshare",
            name="former_sees",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddConstraint(
            model_name="requestshare",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("former_expires_at__isnull", True), ("former_may", ""), ("former_sees", "")),
                    models.Q(
                        ("former_may__in", ("read", "comment")),
                        ("former_sees__in", ("summary", "body", "documents")),
                        ("reason", "asked"),
                    ),
                    _connector="OR",
                ),
                name="share_former_terms_whole",
            ),
        ),
    ]
