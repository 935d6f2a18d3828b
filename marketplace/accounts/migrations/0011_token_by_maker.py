"""The index by which what was made with a token is found; on a table with rows, so without holding writes up."""

from django.db import migrations, models
from django.db.models import Q

from marketplace.records.indexes import AddIndexWhileServing


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("accounts", "0010_access_token_made_with"),
    ]

    operations = [
        AddIndexWhileServing(
            model_name="accesstoken",
            index=models.Index(fields=["made_with"], condition=Q(made_with__isnull=False), name="token_by_maker"),
        ),
    ]
