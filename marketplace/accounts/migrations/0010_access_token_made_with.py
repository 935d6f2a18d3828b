"""A token remembers the one with which it was made; the index comes by itself, while the product serves."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_memberships_appoint"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="made_with",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="heirs",
                to="accounts.accesstoken",
            ),
        ),
    ]
