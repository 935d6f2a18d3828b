"""Make the organizations, programmes and context events findable that were there before `q` knew them."""

from django.db import migrations

from marketplace.search.words import words

KINDS = (("organization", "Organization"), ("programme", "Programme"), ("context_event", "ContextEvent"))


def index_what_is_there(apps, schema_editor):
    for kind, name in KINDS:
        for row in apps.get_model("accounts", name).objects.all():
            other = row.aliases.all() if kind == "organization" else ()
            body = " ".join([row.code, *(alias.text for alias in other)])
            for language in sorted({"en", "fr", *row.names}):
                title = row.names.get(language) or row.names.get("en", "")
                kept = {"title": _stored(title), "body": _stored(body)}
                apps.get_model("search", "SearchDocument").objects.update_or_create(
                    resource=kind, record_id=row.pk, language=language, defaults=kept
                )


def _stored(text):
    return "".join(f" {word}" for word in words(text))


class Migration(migrations.Migration):
    dependencies = [("search", "0002_full_text"), ("accounts", "0001_initial")]

    operations = [migrations.RunPython(index_what_is_there, migrations.RunPython.noop)]
