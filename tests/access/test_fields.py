"""Every field of every answer is classed, and the shapes that hide fields hide what the table says."""

from collections.abc import Iterator

from marketplace.api.confidentiality import TABLE, classes, fields_of
from marketplace.api.serializers import Out
from marketplace.rest.start import description
from matching.api.serializers import ProposalOut
from requests_app.api.serializers import RequestOut


def shapes(base: type[Out] = Out) -> Iterator[type[Out]]:
    description()  # loads every route, and with it every shape
    for shape in base.__subclasses__():
        if not shape.__module__.startswith("tests."):
            yield shape
        yield from shapes(shape)


def unclassed(found: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{shape},{field}," for shape, fields in found.items() for field in fields if (shape, field) not in classes()
    )


def fields_by_shape() -> dict[str, set[str]]:
    return {shape.__name__: set(shape().get_fields()) for shape in shapes()}


def test_every_field_is_classed() -> None:
    missing = "\n".join(unclassed(fields_by_shape()))
    assert not missing, f"Say who sees these fields: add the lines, each with a class, to {TABLE}:\n{missing}"


def test_table_tells_of_no_field_that_is_gone() -> None:
    found = fields_by_shape()
    gone = [f"{shape}.{field}" for shape, field in classes() if field not in found.get(shape, set())]
    assert not gone


def test_field_that_nobody_classed_is_caught() -> None:
    assert unclassed({"RequestOut": {"title", "secret_plan"}}) == ["RequestOut,secret_plan,"]


def test_proposal_hides_its_assessment_from_partners() -> None:
    assert fields_of("ProposalOut", "assessment") == set(ProposalOut.HIDDEN) & set(ProposalOut().get_fields())


def test_request_has_fields_of_each_kind() -> None:
    every = set(RequestOut().get_fields())
    kinds = [fields_of("RequestOut", kind) for kind in ("summary", "body", "inner")]
    assert set().union(*kinds) == every
    assert {"need_statement", "budget", "lines"} <= kinds[1]
    assert {"external_id", "excluded_organizations"} <= kinds[2]
