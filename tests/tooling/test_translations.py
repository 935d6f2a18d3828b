"""Marked texts are found, kept, compiled; what lacks French is named."""

import gettext
import io
from pathlib import Path

import pytest

from tooling import catalogue, translations
from tooling.catalogue import Entry, Message

CODE = """
from django.utils.translation import gettext as _, ngettext, pgettext
from marketplace.kernel.text import gettext_noop as mark

TITLE = mark("Seats %(count)s")
LONG = _("one "
         "sentence")
COUNT = ngettext("%(n)d seat", "%(n)d seats", 2)
STATE = pgettext("life cycle", "Open")
COMPUTED = _(TITLE)
"""
PAGE = """{% load i18n %}<h1>{% translate "It's here" %}</h1>
{% blocktranslate count n=seats %}{{ n }} seat{% plural %}{{ n }} seats{% endblocktranslate %}
{% blocktranslate with name=who trimmed %}
  Hello {{ name }}
{% endblocktranslate %}"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for package in translations.HOUSE:
        (tmp_path / package / "templates").mkdir(parents=True)
    (tmp_path / "marketplace" / "texts.py").write_text(CODE)
    (tmp_path / "providers" / "templates" / "page.html").write_text(PAGE)
    return tmp_path


def test_used_with_every_marking_form_finds_each_text_and_its_place(checkout: Path) -> None:
    assert translations.used(checkout) == {
        Message("Seats %(count)s"): ("marketplace/texts.py",),
        Message("one sentence"): ("marketplace/texts.py",),
        Message("%(n)d seat", "%(n)d seats"): ("marketplace/texts.py",),
        Message("Open", context="life cycle"): ("marketplace/texts.py",),
        Message("It's here"): ("providers/templates/page.html",),
        Message("%(n)s seat", "%(n)s seats"): ("providers/templates/page.html",),
        Message("Hello %(name)s"): ("providers/templates/page.html",),
    }


def test_update_with_new_texts_asks_for_each_and_a_second_run_changes_nothing(checkout: Path) -> None:
    missing = translations.update(checkout)
    path = translations.folder(checkout, "fr") / "django.po"
    written = path.read_bytes()

    assert len(missing) == 7
    assert all("no translation of" in line for line in missing)
    assert translations.update(checkout) == missing
    assert path.read_bytes() == written


def test_update_keeps_translations_and_drops_unused_ones(checkout: Path) -> None:
    path = translations.folder(checkout, "fr") / "django.po"
    kept, gone = Entry(Message("one sentence"), ("une phrase",)), Entry(Message("old"), ("vieux",))
    catalogue.write(path, "fr", [kept, gone])

    translations.update(checkout)

    known = catalogue.read(path)
    assert known[kept.message].forms == ("une phrase",)
    assert gone.message not in known


def test_problems_with_lost_placeholder_names_the_text(checkout: Path) -> None:
    path = translations.folder(checkout, "fr") / "django.po"
    catalogue.write(path, "fr", [Entry(Message("Seats %(count)s"), ("Places %(cout)s",))])

    lines = translations.update(checkout)

    assert any("placeholders differ in 'Seats %(count)s'" in line for line in lines)


def test_problems_with_unused_and_stale_catalogue_are_named(checkout: Path) -> None:
    path = translations.folder(checkout, "fr") / "django.po"
    catalogue.write(path, "fr", [Entry(Message("old"), ("vieux",))])

    lines = translations.problems(checkout)

    assert "fr: no longer used: 'old'" in lines
    assert any("not what the .po compiles to" in line for line in lines)


def test_fuzzy_translation_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    catalogue.write(path, "fr", [Entry(Message("Open"), ("Ouvert",), fuzzy=True)])

    assert not catalogue.read(path)[Message("Open")].complete


def test_compiled_catalogue_is_read_by_gettext() -> None:
    entries = [
        Entry(Message('He said "é"\n\ttwice'), ("Il a dit « é »\n\tdeux fois",)),
        Entry(Message("%(n)d seat", "%(n)d seats"), ("%(n)d place", "%(n)d places")),
        Entry(Message("Open", context="life cycle"), ("Ouverte",)),
        Entry(Message("empty"), ("",)),
    ]

    french = gettext.GNUTranslations(io.BytesIO(catalogue.compiled("fr", entries)))

    assert french.gettext('He said "é"\n\ttwice') == "Il a dit « é »\n\tdeux fois"
    assert [french.ngettext("%(n)d seat", "%(n)d seats", n) for n in (0, 1, 2)] == ["%(n)d place"] * 2 + [
        "%(n)d places"
    ]
    assert french.pgettext("life cycle", "Open") == "Ouverte"
    assert french.gettext("empty") == "empty"


def test_written_catalogue_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "fr" / "django.po"
    entry = Entry(Message('He said "é"\n\\', "They said", "talk"), ('Il a dit "é"\n\\', "Ils"), places=("a.py",))
    catalogue.write(path, "fr", [entry])

    assert catalogue.read(path) == {entry.message: Entry(entry.message, entry.forms)}


def test_broken_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    path.write_text('msgid "a"\nmsgstr b\n')

    with pytest.raises(ValueError, match="msgstr b"):
        catalogue.read(path)
