"""The words under which a request is found: all of them for who reads its body, the summary's for everybody else."""

from collections.abc import Iterable

from marketplace.search import operations as search
from marketplace.search.operations import Text
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import RequestLine, TrainingRequest
from requests_app.queries import FULL_TEXT, SUMMARY_TEXT

LABEL_LANGUAGES = ("en", "fr")


def index_request(request: TrainingRequest) -> None:
    """Write the words of a request anew, in the transaction that changed it."""
    lines = list(request.lines.exclude(state="dropped"))
    languages = {*LABEL_LANGUAGES, *request.title, *request.need_statement}
    summary: dict[str, Text] = {}
    full: dict[str, Text] = {}
    for language in sorted(languages):
        labels = " ".join(_labels(lines, language))
        title = request.title.get(language, "")
        reference = request.reference or ""
        summary[language] = Text(f"{reference} {title}", labels)
        full[language] = Text(f"{reference} {title}", f"{request.need_statement.get(language, '')} {labels}")
    search.index(SUMMARY_TEXT, request.pk, summary)
    search.index(FULL_TEXT, request.pk, full)


def _labels(lines: Iterable[RequestLine], language: str) -> Iterable[str]:
    for line in lines:
        for scheme, code in (
            (vocabularies.THEMES, line.theme),
            ("audiences", line.audience),
            ("countries", line.country),
            ("regions", line.region),
        ):
            if code:
                yield vocabularies.label(scheme, code, language)
