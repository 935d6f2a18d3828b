"""Bundles in sequence: the second step deepens the first, later, in the same language, and within the ceiling."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import DEFAULT_POLICY, Budget, BundlePlan, Cost, Need, Offer, Policy, ranking_bytes, render
from matching.engine.catalogue import OPEN_ACCESS_FORMS
from tests.kit.examples import examples
from tests.matching.engine import world
from tests.matching.engine.world import line, need, offer, ranking, session

COURSE = offer("COURSE")  # 10 to 14 May, English
SELF_PACED = offer(
    "SELF", form="online_self_paced", modality="online", sessions=(), cost=Cost(Decimal(500), Decimal(0), "USD")
)


def only(request: Need, *offers: Offer) -> BundlePlan:
    [found] = ranking(request, *offers).bundles
    return found


def test_course_is_followed_by_the_self_paced_offer() -> None:
    found = only(need(), COURSE, SELF_PACED)
    assert [step.offer for step in found.steps] == ["COURSE", "SELF"]
    assert found.steps[1].slot.start == date(2027, 5, 15)
    assert found.cost == Decimal(10500)
    first, second = (step.score for step in found.steps)
    assert found.score == (2 * first + second) // 3
    assert found.flags == ()


def test_follow_up_in_a_form_not_asked_says_so() -> None:
    found = only(need(forms=frozenset({"course"})), COURSE, SELF_PACED)
    assert found.flags == ("form_not_asked",)
    assert [said.code for said in found.sentences][-1] == "bundle.form_not_asked"


def test_dated_follow_up_begins_after_the_first_and_within_the_time() -> None:
    def webinar(start: date) -> Offer:
        dated = session("S-WEB", start=start, end=start + timedelta(1), country=None, city=None)
        return offer("WEB", form="webinar", modality="online", sessions=(dated,), cost=None)

    assert only(need(), COURSE, webinar(date(2027, 6, 1))).steps[1].slot.start == date(2027, 6, 1)
    assert ranking(need(), COURSE, webinar(date(2027, 5, 14))).bundles == ()
    assert ranking(need(), COURSE, webinar(date(2027, 9, 20))).bundles == ()
    assert only(need(), COURSE, webinar(date(2027, 6, 1))).cost is None


def test_window_without_an_end_is_ranked_as_one_with_a_far_end() -> None:
    far, never = (need(window_end=day) for day in (date(2199, 12, 31), date.max))
    assert only(never, COURSE, SELF_PACED) == only(far, COURSE, SELF_PACED)


def test_nothing_follows_what_ends_on_the_last_day_there_is() -> None:
    last = offer("LAST", sessions=(session(start=date.max - timedelta(3), end=date.max),))
    found = ranking(need(window_end=date.max), last, SELF_PACED)
    assert found.lines[0].candidates
    assert found.bundles == ()


@pytest.mark.parametrize(
    "change",
    [
        {"languages": frozenset({"ar"})},
        {"themes": frozenset({"recruitment"})},
        {"themes": frozenset({"protection"})},  # broader: it goes back to the beginning
        {"audiences": frozenset({"judges"})},
        {"vetted_until": None},
        {"modality": "in_person"},
        {"cost": Cost(Decimal(15000), Decimal(0), "USD")},  # together beyond the secured ceiling
    ],
    ids=["language", "theme", "broader", "audience", "vetting", "modality", "cost"],
)
def test_offer_that_does_not_fit_does_not_follow(change: dict[str, object]) -> None:
    facts: dict[str, object] = {"form": "online_self_paced", "modality": "online", "sessions": ()}
    follow = offer("SELF", **(facts | change))
    codes = [step.offer for plan in ranking(need(), COURSE, follow).bundles for step in plan.steps]
    assert codes == []


def test_narrower_theme_may_follow() -> None:
    follow = offer("SELF", form="community_of_practice", modality="online", themes=frozenset({"victims"}), sessions=())
    assert only(need(budget=Budget()), COURSE, follow).steps[1].offer == "SELF"


def test_at_most_so_many_bundles_as_the_policy_says() -> None:
    many = [offer(f"C{number}") for number in range(4)]
    assert len(ranking(need(), *many, SELF_PACED).bundles) == DEFAULT_POLICY.bundles
    assert ranking(need(), *many, SELF_PACED, policy=Policy(bundles=0)).bundles == ()


def test_sentences_of_a_bundle_in_both_languages() -> None:
    found = only(need(), COURSE, SELF_PACED)
    english, french = ([render(said, code) for said in found.sentences] for code in ("en", "fr"))
    assert english[0] == "First COURSE (in_person), from 2027-05-10 to 2027-05-14."
    assert french[1].startswith("Ensuite SELF (online_self_paced), à partir du 2027-05-15")


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(world.needs(most_lines=2), world.catalogues(6))
def test_every_bundle_keeps_the_promises(request_drawn: Need, offers: list[Offer]) -> None:
    found = ranking(request_drawn, *offers)
    known = {entry.id: entry for entry in offers}
    assert ranking_bytes(ranking(request_drawn, *reversed(offers))) == ranking_bytes(found)
    assert [plan.rank for plan in found.bundles] == list(range(1, len(found.bundles) + 1))
    assert [plan.score for plan in found.bundles] == sorted((plan.score for plan in found.bundles), reverse=True)
    for plan in found.bundles:
        first, second = plan.steps
        assert first.offer != second.offer
        assert known[first.offer].modality != "online"
        assert known[first.offer].form not in OPEN_ACCESS_FORMS
        assert known[second.offer].modality == "online"
        assert 0 < (second.slot.start - first.slot.end).days <= DEFAULT_POLICY.follow_up_days
        candidates = next(entry for entry in found.lines if entry.line == plan.line).candidates
        assert first.score == next(entry.score for entry in candidates if entry.offer == first.offer)
        asked = request_drawn.line(plan.line).language
        for step in plan.steps:
            one = known[step.offer]
            spoken = one.languages.union(*(slot.languages for slot in one.sessions))
            assert asked is None or asked in spoken or one.interpretation


def test_line_alone_decides_the_language_of_both_steps() -> None:
    french_only = offer("SELF", form="online_self_paced", modality="online", languages=frozenset({"fr"}), sessions=())
    assert ranking(need(line(language=None)), COURSE, french_only).bundles == ()
