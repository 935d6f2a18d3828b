"""The demo is announced before the settings are read, and starts no other way."""

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from marketplace.demo import environment


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        ("demo", {}, {"DEMO": "1", "PORT": "8000"}),
        ("demo --reset --port 8765 --no-serve", {}, {"DEMO": "1", "PORT": "8765"}),
        ("demo --port=8765", {"PORT": "9000"}, {"DEMO": "1", "PORT": "8765"}),
        ("demo", {"DEMO": "0", "PORT": "9000"}, {"DEMO": "1", "PORT": "9000"}),
        ("demo --port none", {}, {"DEMO": "1"}),
        ("demo --port", {}, {"DEMO": "1"}),
        ("load_demo --port 8765", {}, {}),
        ("", {"PORT": "9000"}, {"PORT": "9000"}),
    ],
)
def test_variables_say_that_this_is_the_demo_and_where(
    words: str, before: dict[str, str], after: dict[str, str]
) -> None:
    variables = dict(before)
    environment.announce(words.split(), variables)
    assert variables == after


def test_demo_with_settings_that_do_not_know_of_it_is_refused(settings: LazySettings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="make demo"):
        call_command("demo", "--no-serve")
