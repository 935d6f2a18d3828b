"""Files stay short and have names that say what is inside."""

from collections.abc import Iterator

from tests.guards import house

CODE_LINES = 400
TEST_LINES = 800
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
UNFINISHED = ("TODO", "FIXME", "XXX", "NotImplementedError")
TOO_LONG: dict[str, str] = {}


def long_files() -> Iterator[str]:
    for folders, limit in (((*house.PACKAGES, "tooling", "clients"), CODE_LINES), (("tests",), TEST_LINES)):
        for source in house.sources(*folders):
            lines = source.text.count("\n")
            if lines > limit:
                yield f"{source.path}: {lines} lines, {limit} are allowed"


def nameless_files() -> Iterator[str]:
    for source in house.sources(*house.PACKAGES, "tooling", "clients", "tests"):
        if NAMELESS.intersection(house.words(source.path)):
            yield f"{source.path}: the name does not say what is inside"


def unfinished(source: house.Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        yield from ((number, f"holds {word}") for word in UNFINISHED if word in line)


def test_code_up_to_400_lines_and_tests_up_to_800() -> None:
    house.require(long_files(), TOO_LONG)


def test_no_file_is_called_after_nothing() -> None:
    house.require(nameless_files())


def test_nothing_is_left_unfinished() -> None:
    assert list(unfinished(house.planted("raise NotImplementedError"))) != []
    house.require(house.offences(unfinished))
