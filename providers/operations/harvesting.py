"""Bringing a harvested catalogue into draft offerings: what changed here, what changed there, and where both did.

For each column three values are compared: what the catalogue told last, what it tells now, what the offering has. Changed there alone:
taken over, while the offering is a draft. Changed on both sides: the provider's own word stays, and the report names both. Nothing
is ever taken off because a catalogue no longer tells it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.db.models import Field

from marketplace.accounts.actors import Actor
from marketplace.formats.courses import CatalogueError, Course, read_courses
from marketplace.kernel.errors import DomainError
from marketplace.lifecycles import operations as lifecycles
from marketplace.vocabularies import queries as vocabularies
from providers.models import Harvest, HarvestedCourse, Offering
from providers.operations.harvests import lock_harvest, next_run
from providers.operations.many import file_offerings
from providers.operations.offerings import change_offering

ACTOR = Actor.system("harvest")
MOST_FAILURES = 10  # in a row; then it is switched off
MOST_TOLD = 100  # of each kind in a report; the counts are whole
MOST_SHOWN = 500  # characters of a value in a report
TEXTS = ("titles", "summaries", "objectives", "prerequisites")  # columns of an offering, by language
SORTS = (
    "created",
    "adopted",
    "changed",
    "unchanged",
    "conflicts",
    "waiting",
    "missing",
    "returned",
    "refused",
    "unknown_words",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: courses, or the code of why there are none."""

    courses: tuple[Course, ...] = ()
    problem: str = ""


def read_document(document: bytes, *, language: str, base: str = "") -> Reading:
    """Read a catalogue that has the address ``base``; what is wrong with it is in the answer."""
    try:
        return Reading(tuple(read_courses(document, language=language, base=base)))
    except CatalogueError as error:
        return Reading(problem=str(error))


@dataclass
class Report:
    """What came of a run, by sort; every sort is counted, and told up to MOST_TOLD."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SORTS, 0))
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def tell(self, sort: str, **facts: Any) -> None:
        """Count one, and tell of it."""
        self.counts[sort] += 1
        rows = self.told.setdefault(sort, [])
        if len(rows) < MOST_TOLD:
            rows.append(facts)


@transaction.atomic
def take_in(*, harvest_id: int, reading: Reading, at: datetime) -> Harvest:
    """Bring what was read into the offerings of the provider, whole or not at all, and write the report.

    Repeating it with the same reading changes no offering. A reading that failed changes none either.
    """
    harvest = lock_harvest(harvest_id, None)
    harvest.ran_at, harvest.problem = at, reading.problem
    if reading.problem:
        harvest.failures += 1
        harvest.active = harvest.active and harvest.failures < MOST_FAILURES
        counts: dict[str, int] = {}
    else:
        harvest.failures = 0
        report = _merge(harvest, reading.courses, at)
        counts = report.counts
        harvest.report = {"at": at.isoformat(), "counts": counts, **report.told}
    harvest.next_at = next_run(harvest, at=at)
    data = {"problem": reading.problem, "counts": counts}
    lifecycles.record_change(harvest, "ran", actor=ACTOR, at=at, data=data)
    return harvest


def _merge(harvest: Harvest, courses: Iterable[Course], at: datetime) -> Report:
    report = Report()
    known = {row.key: row for row in harvest.courses.select_related("offering")}
    told = _told_once(courses, report)
    _take_new([course for key, course in told.items() if key not in known], harvest, report, at)
    for key, row in known.items():
        if key in told:
            _take_again(row, told[key], report, at)
        else:
            _miss(row, report, at)
    return report


def _told_once(courses: Iterable[Course], report: Report) -> dict[str, Course]:
    """Give the courses by key; what has none, or one that was told before, is refused."""
    found: dict[str, Course] = {}
    for course in courses:
        if not course.key or course.key in found:
            report.tell("refused", course=course.key, problem="told_twice" if course.key else "no_identifier")
        else:
            found[course.key] = course
    return found


def _take_new(courses: Sequence[Course], harvest: Harvest, report: Report, at: datetime) -> None:
    """Draft what is new, together; what the provider had filed under the same source and key is adopted as it is."""
    own = Offering.objects.filter(provider_id=harvest.provider_id, source=harvest.source)
    before = set(own.values_list("external_id", flat=True))
    facts = {course.key: facts_of(course)[0] for course in courses}
    fresh = [course for course in courses if course.key not in before]
    rows = [
        {
            "provider": harvest.provider.code,
            "source": harvest.source,
            "external_id": course.key,
            "facts": {
                **facts[course.key],
                "language_of_record": harvest.language,
                "provenance": _provenance(harvest, course, at),
            },
        }
        for course in fresh
    ]
    filed = file_offerings(actor=ACTOR, at=at, rows=rows)
    for course, one in zip(fresh, filed, strict=True):
        if one.error is not None:  # one course that is wrong does not keep the others out
            _refuse(course, one.error, report)
    stored = dict(own.values_list("external_id", "pk"))
    names = dict(own.values_list("pk", "public_id"))
    taken = [course for course in courses if course.key in stored]
    HarvestedCourse.objects.bulk_create(
        HarvestedCourse(
            harvest=harvest, key=course.key, offering_id=stored[course.key], told=facts[course.key], seen_at=at
        )
        for course in taken
    )
    for course in taken:
        report.tell(
            "adopted" if course.key in before else "created", course=course.key, offering=str(names[stored[course.key]])
        )
        _tell_unknown(course, report)


def _refuse(course: Course, error: DomainError, report: Report) -> None:
    places = [f"{one.pointer}: {one.code}" for one in error.errors]
    report.tell("refused", course=course.key, problem=error.code.value, places=places)


def _tell_unknown(course: Course, report: Report) -> None:
    for word in facts_of(course)[1]:
        report.tell("unknown_words", course=course.key, word=word[:MOST_SHOWN])


def _miss(row: HarvestedCourse, report: Report, at: datetime) -> None:
    """Note that a catalogue no longer tells a course; the offering stays as it is."""
    if row.missing_since is None:
        row.missing_since = at
        row.save(update_fields=["missing_since"])
    since = row.missing_since.isoformat()
    report.tell("missing", course=row.key, offering=str(row.offering.public_id), since=since, state=row.offering.state)


def _take_again(row: HarvestedCourse, course: Course, report: Report, at: datetime) -> None:
    """Compare a course with what was told of it last."""
    if row.missing_since is not None:
        report.tell("returned", course=course.key, offering=str(row.offering.public_id))
    try:
        with transaction.atomic():
            row.told = _compare(row, facts_of(course)[0], report, at)
    except DomainError as error:
        _refuse(course, error, report)
    row.seen_at, row.missing_since = at, None
    row.save(update_fields=["told", "seen_at", "missing_since"])
    _tell_unknown(course, report)


def _compare(row: HarvestedCourse, facts: Mapping[str, Any], report: Report, at: datetime) -> dict[str, Any]:
    """Take over what changed there alone, tell of the rest, and give the base of the next comparison."""
    offering, base = row.offering, dict(row.told)
    place = {"course": row.key, "offering": str(offering.public_id)}
    told = in_languages(base)  # until 1 December 2026 a base kept the tags of regions
    agreed = {column: value for column, value in facts.items() if value == getattr(offering, column)}
    fresh = {
        column: value
        for column, value in facts.items()
        if column not in agreed and (value != told.get(column) or getattr(offering, column) == base[column])
    }
    clashes = {column for column in fresh if getattr(offering, column) not in _untouched(column, base, told)}
    wanted = {column: value for column, value in fresh.items() if column not in clashes}
    for column in sorted(clashes):
        values = {"was": told.get(column), "here": getattr(offering, column), "there": fresh[column]}
        report.tell("conflicts", **place, column=column, **{name: _shown(one) for name, one in values.items()})
    if wanted and offering.state != "draft":
        report.tell("waiting", **place, state=offering.state, columns=sorted(wanted))
        return {**base, **agreed}
    if wanted:
        change_offering(actor=ACTOR, at=at, offering_id=offering.pk, facts=wanted)
        report.tell("changed", **place, columns=sorted(wanted))
    elif not clashes:
        report.tell("unchanged", **place)
    return {**base, **agreed, **wanted}


def _untouched(column: str, *bases: Mapping[str, Any]) -> list[Any]:
    """Give what an offering has in a column where its provider said nothing of its own: what was told, or as yet nothing."""
    field = cast("Field[Any, Any]", Offering._meta.get_field(column))
    return [base[column] if column in base else field.get_default() for base in bases]


def _shown(value: Any) -> Any:
    text = str(value)
    return value if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _provenance(harvest: Harvest, course: Course, at: datetime) -> dict[str, str]:
    return {"harvest": str(harvest.public_id), "from": harvest.url, "course": course.url, "first_seen": at.isoformat()}


def facts_of(course: Course) -> tuple[dict[str, Any], list[str]]:
    """Turn a course into facts of an offering, and give the words for which there is no code; what is not told is left out."""
    themes, unknown = _themes(course.themes)
    languages, strange = _languages(course.languages)
    unknown += strange
    found: dict[str, Any] = {
        **in_languages({column: getattr(course, column) for column in TEXTS}),
        "themes": themes,
        "languages": languages,
        "modality": course.modality,
        "level": course.level if course.level in vocabularies.codes("levels") else "",
        "duration_hours": course.duration_hours,
    }
    if course.level and not found["level"]:
        unknown.append(course.level)
    return {column: value for column, value in found.items() if value}, unknown


def _themes(words: Iterable[str]) -> tuple[list[str], list[str]]:
    found: list[str] = []
    unknown: list[str] = []
    for word in words:
        codes = vocabularies.core_themes_of(word) or _by_label(word)
        found += codes
        if not codes:
            unknown.append(word)
    return list(dict.fromkeys(found)), unknown


def _languages(tags: Iterable[str]) -> tuple[list[str], list[str]]:
    """Give the codes of language tags, and the tags without any."""
    known = vocabularies.codes("languages")
    codes = {tag: _language(tag) for tag in tags}
    found = dict.fromkeys(code for code in codes.values() if code in known)
    return list(found), [tag for tag, code in codes.items() if code not in known]


def _language(tag: str) -> str:
    """Give the code of a language tag: that of `en` for `en-us`, which has none of its own."""
    return tag if tag in vocabularies.codes("languages") else tag.replace("_", "-").partition("-")[0]


def in_languages(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give facts whose texts are by languages, not regions: who reads French reads no `fr-fr`, but English instead.

    A text in the language itself comes before those of its regions.
    """
    return {column: _by_language(value) if column in TEXTS else value for column, value in facts.items()}


def _by_language(texts: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in sorted(texts, key=lambda tag: (tag != _language(tag), tag)):
        found.setdefault(_language(tag), texts[tag])
    return found


def _by_label(word: str) -> tuple[str, ...]:
    wanted = word.casefold()
    return tuple(
        row.code
        for row in vocabularies.concepts()
        if row.active and wanted in (label.casefold() for label in row.labels.values())
    )
