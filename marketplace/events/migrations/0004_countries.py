from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_programme_of_former_events")]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="countries",
            field=models.TextField(blank=True, null=True),
        ),
    ]
