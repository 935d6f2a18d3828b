"""The words under which a request is found: all of them for who reads its body, the summary's for everybody else."""

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Prefetch

from marketplace.privacy.redaction import after_redaction
from marketplace.search import operations as search
from marketplace.search.operations import Text
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import RequestLine, TrainingRequest
from requests_app.queries import FULL_TEXT, SUMMARY_TEXT

LABEL_LANGUAGES = ("en", "fr")


def index_request(request: TrainingRequest) -> None:
    """Write the words of a request anew, in the transaction that changed it."""
    summary, full = _texts(request, list(request.lines.exclude(state="dropped")))
    search.index(SUMMARY_TEXT, request.pk, summary)
    search.index(FULL_TEXT, request.pk, full)


def index_new_request(request: TrainingRequest, lines: Sequence[RequestLine]) -> None:
    """Write the words of a request that has none yet."""
    summary, full = _texts(request, lines)
    search.index_new({SUMMARY_TEXT: {request.pk: summary}, FULL_TEXT: {request.pk: full}})


@after_redaction("requests_app.TrainingRequest")
def reindex_requests(request_ids: Collection[int]) -> int:
    """Write the words of several requests anew, as after new labels or a load in bulk; returns how many."""
    live = RequestLine.objects.exclude(state="dropped")
    requests = TrainingRequest.objects.filter(pk__in=request_ids).prefetch_related(
        Prefetch("lines", live, "live_lines")
    )
    texts = {request.pk: _texts(request, request.live_lines) for request in requests}
    search.index_many(SUMMARY_TEXT, {pk: summary for pk, (summary, _full) in texts.items()})
    search.index_many(FULL_TEXT, {pk: full for pk, (_summary, full) in texts.items()})
    return len(texts)


def _texts(request: TrainingRequest, lines: Sequence[RequestLine]) -> tuple[dict[str, Text], dict[str, Text]]:
    """Give the words of the summary and all words, by language."""
    languages = {*LABEL_LANGUAGES, *request.title, *request.need_statement}
    summary: dict[str, Text] = {}
    full: dict[str, Text] = {}
    for language in sorted(languages):
        labels = " ".join(_labels(lines, language))
        title = request.title.get(language, "")
        reference = request.reference or ""
        summary[language] = Text(f"{reference} {title}", labels)
        full[language] = Text(f"{reference} {title}", f"{request.need_statement.get(language, '')} {labels}")
    return summary, full


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
