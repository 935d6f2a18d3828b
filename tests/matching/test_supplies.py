"""What was on offer for a run, stored in pieces: a change stores what it touched."""

import zlib
from dataclasses import replace

import pytest

from marketplace.kernel.errors import DomainError
from matching.engine import Offer, digest, encode_supply
from matching.engine.keeping import snapshot
from matching.models import SupplyPiece, SupplySnapshot
from matching.operations.supplies import keep_ahead, keep_supply
from matching.queries.replay import replay_run
from matching.queries.supplies import supply_content
from tests.factories.accounts import AT
from tests.factories.matching import ranked
from tests.matching.engine import world
from tests.matching.test_replay import run_of

pytestmark = pytest.mark.django_db
OFFERS = [world.offer(name) for name in ("A00", "B", "C00", "D")]  # two pieces of the list, and one on each side of it


def supply(*offers: Offer) -> snapshot.Supply:
    return encode_supply(offers or OFFERS, world.SCHEME, world.PLACES)


def keys(kept: SupplySnapshot) -> list[int]:
    assert isinstance(kept.pieces, list)
    return kept.pieces


def test_pieces_are_the_whole_and_no_offer_stands_in_two() -> None:
    made = supply()
    assert len(made.pieces) == 4 + 1
    assert digest(made.content) == made.digest
    assert [piece.count(b'"provider":') for piece in made.pieces] == [0, 1, 2, 1, 0]


def test_change_of_an_offer_stores_one_piece_and_the_same_market_none() -> None:
    first = keep_supply(supply(), at=AT)
    before = SupplyPiece.objects.count()
    changed = supply(*[replace(offer, hours=99) if offer.id == "B" else offer for offer in OFFERS])
    second = keep_supply(changed, at=AT)
    assert SupplyPiece.objects.count() == before + 1
    assert sum(one != two for one, two in zip(keys(first), keys(second), strict=True)) == 1
    assert supply_content(second) == changed.content
    assert keep_supply(changed, at=AT) == second
    assert SupplyPiece.objects.count() == before + 1


def test_offer_that_comes_or_goes_moves_no_other_piece() -> None:
    keep_supply(supply(), at=AT)
    before = SupplyPiece.objects.count()
    keep_supply(supply(*OFFERS, world.offer("B2")), at=AT)
    keep_supply(supply(*OFFERS[:3]), at=AT)  # the last piece of the list goes with its only offer
    assert SupplyPiece.objects.count() == before + 1


def test_what_is_stored_ahead_is_not_stored_again() -> None:
    keep_ahead(supply())
    stored = list(SupplyPiece.objects.values_list("pk", flat=True))
    kept = keep_supply(supply(), at=AT)
    assert sorted(keys(kept)) == sorted(stored)
    assert supply_content(kept) == supply().content


def test_market_without_offers_is_kept() -> None:
    made = encode_supply([], world.SCHEME, world.PLACES)
    assert supply_content(keep_supply(made, at=AT)) == made.content


def test_supply_that_was_stored_whole_is_read_as_before() -> None:
    made = supply()
    kept = SupplySnapshot.objects.create(digest=made.digest, content=zlib.compress(made.content), first_used_at=AT)
    assert supply_content(SupplySnapshot.objects.get(pk=kept.pk)) == made.content


@pytest.mark.parametrize("spoil", ["gone", "other"])
def test_run_with_a_damaged_piece_is_not_replayed(spoil: str) -> None:
    run = run_of(ranked())
    assert run.supply is not None
    piece = SupplyPiece.objects.get(pk=keys(run.supply)[1])
    if spoil == "gone":
        piece.delete()
    else:
        SupplyPiece.objects.filter(pk=piece.pk).update(content=zlib.compress(b"{}"))
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    assert [error.pointer for error in refused.value.errors] == ["/snapshot_digest"]
