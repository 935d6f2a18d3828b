"""A need on its whole way through matching: ranked, consulted, approved, answered."""

import pytest

from matching import operations
from matching.models import MatchRun
from tests.factories.accounts import AT
from tests.factories.matching import ranked

pytestmark = pytest.mark.django_db


def test_request_opened_is_ranked_and_best_proposal_confirmed_when_partner_accepts() -> None:
    scene = ranked()
    run = MatchRun.objects.get(request=scene.request)
    assert run.state == "complete", run.error
    best = scene.best()
    assert sum(share["contribution"] for share in best.breakdown) == best.score > 0
    operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)
    operations.consult_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)
    operations.prefer_proposal(actor=scene.focal, at=AT, proposal_id=best.pk)
    approved = operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)
    assert approved.state == "approved"
    [part] = scene.parts(approved)
    assert part.state == "asked"
    confirmed = operations.accept_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk)
    assert confirmed.state == "confirmed"
