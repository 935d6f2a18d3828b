from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="programme",
            field=models.CharField(blank=True, max_length=60, null=True),
        ),
    ]
