"""What callers are told that they may do, between the end of a need and the job that follows it."""

import pytest
import time_machine

from marketplace.accounts.actors import Actor
from matching import operations, queries
from matching.models import ProposalPart
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.matching import MarketScene, accepted, approved, consulted, ranked, refused, work
from tests.kit.api import ApiClient
from tests.matching.test_late_answers import ENDINGS, ONWARDS, TWO

pytestmark = pytest.mark.django_db
LETTING_GO = {"decline", "refuse", "retract", "withdraw"}


def told(actor: Actor) -> list[set[str]]:
    """Give the verbs that are open to a caller, of each proposal and of each part that they know of."""
    found = []
    for proposal in queries.proposals_visible_to(actor, at=AT).order_by("pk"):
        found.append(set(queries.open_actions(proposal, actor, at=AT)))
        parts = queries.parts_visible_to(actor, at=AT).filter(proposal=proposal).order_by("pk")
        found += [set(queries.open_part_actions(part, actor, at=AT)) for part in parts]
    return found


def everybody(scene: MarketScene) -> list[Actor]:
    partners = [scene.provider(part.offering) for part in ProposalPart.objects.exclude(asked_at=None)]
    return [scene.officer, scene.second, scene.head, scene.focal, *partners]


VERBS = {"dissent": "consent", "replace": "approve"}


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("step", sorted(ONWARDS))
def test_nothing_that_is_refused_is_named_for_a_need_that_is_gone(step: str, ending: str) -> None:
    scene = ranked()
    ONWARDS[step](scene)
    actors, verb = everybody(scene), VERBS.get(step, step)
    before = [told(actor) for actor in actors]
    assert any(verb in verbs for seen in before for verbs in seen)
    ENDINGS[ending](scene)
    assert [told(actor) for actor in actors] == [[verbs & LETTING_GO for verbs in seen] for seen in before]


def test_second_approval_for_a_need_that_is_gone_is_not_named() -> None:
    agency = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=agency, requester=OrganizationFactory.create(parent=agency))
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene).pk)
    assert any("approve" in verbs for verbs in told(scene.second))
    ENDINGS["withdrawn"](scene)
    assert not any("approve" in verbs for verbs in told(scene.second))


def test_going_on_without_is_not_named_for_a_need_that_is_gone() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    first, second = scene.parts(approved(scene))
    accepted(scene, first)
    refused(scene, second)
    work()
    assert any("go-on-without" in verbs for verbs in told(scene.officer))
    ENDINGS["withdrawn"](scene)
    assert not any("go-on-without" in verbs for verbs in told(scene.officer))


def test_letting_go_of_a_need_that_is_gone_is_named() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    partner = scene.provider(part.offering)
    ENDINGS["cancelled"](scene)
    assert ["retract" in verbs for verbs in told(scene.officer)].count(True) == 1
    assert set[str]().union(*told(partner)) == {"refuse"}


def test_api_names_nothing_that_it_refuses_for_a_need_that_is_gone() -> None:
    with time_machine.travel(AT, tick=False):
        scene = ranked()
        proposal = approved(scene)
        [part] = scene.parts(proposal)
        partner = ApiClient.of(scene.provider(part.offering).user, AT)  # type: ignore[arg-type]
        path = f"/proposals/{proposal.public_id}/parts"
        assert partner.get(path).body["results"][0]["allowed_actions"] == ["accept", "counter", "refuse"]
        ENDINGS["withdrawn"](scene)
        refused_as = partner.post(f"{path}/{part.public_id}/accept", {})
        assert (refused_as.status_code, refused_as.body["code"]) == (409, "wrong_state")
        assert partner.get(path).body["results"][0]["allowed_actions"] == ["refuse"]
