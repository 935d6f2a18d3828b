"""Whatever is done to the trail behind the guards' back is found, and said where."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.audit import anchors, operations, queries, verification
from marketplace.audit.canonical import COVERED, ERASABLE, START, canonical, digest_of_link
from marketplace.audit.models import AuditRecord, ChainHead, ChainLink, ErasableValues, PendingRecord, Verification
from marketplace.audit.verification import Anchor
from tests.audit.trails import findings, guards_lifted, link_all, link_of, linked, run, tamper, written
from tests.audit.walking import verified

pytestmark = pytest.mark.django_db
LENGTH = 9


@pytest.fixture
def trail(at: datetime) -> list[AuditRecord]:
    return linked(LENGTH, at)


# --- nothing happened -------------------------------------------------------------------------------------------------
def test_untouched_chain_is_whole(trail: list[AuditRecord]) -> None:
    report, whole = verification.verify()
    assert (report.findings, report.records, report.last, whole) == (0, LENGTH, LENGTH, True)
    head = ChainHead.objects.get()
    assert (head.position, head.digest) == (report.last, report.digest)
    assert list(ChainLink.objects.order_by("position").values_list("position", flat=True)) == [*range(1, LENGTH + 1)]


def test_empty_chain_is_whole() -> None:
    assert findings() == []
    assert queries.chain_status(timezone.now()).digest == START


def test_chain_walks_in_batches(trail: list[AuditRecord], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "BATCH", 2)
    told: list[tuple[int, int]] = []
    report, _ = verification.verify(progress=lambda so_far, total: told.append((so_far.last, total)))
    assert report.findings == 0
    assert told == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]


def test_records_that_wait_and_links_that_come_meanwhile_are_no_finding(at: datetime) -> None:
    linked(3, at)
    written(at)
    assert findings() == []
    with pytest.MonkeyPatch.context() as patch:
        walk = verification._links

        def and_meanwhile(*args: int) -> object:
            yield from walk(*args)
            link_all(at)

        patch.setattr(verification, "_links", and_meanwhile)
        assert findings() == []
    assert ChainHead.objects.get().position == 4


# --- one byte ---------------------------------------------------------------------------------------------------------
def flipped(column: str, value: object) -> object:
    """Change one character, as little as can be."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, dict):
        return {**value, "actor_label": "0" + value["actor_label"][1:] if value["actor_label"][0] != "0" else "1"}
    if column in {"public_id", "resource_id"}:
        last = str(value)[-1]
        return str(value)[:-1] + ("0" if last != "0" else "1")
    text = str(value)
    return "system" if column == "actor_kind" else text[:-1] + chr(ord(text[-1]) ^ 1)


def test_every_column_of_a_record_is_covered_but_its_internal_id() -> None:
    assert {field.name for field in AuditRecord._meta.concrete_fields} == {*COVERED, "id"}


@pytest.mark.parametrize("column", COVERED)
@pytest.mark.parametrize("place", [1, 5, LENGTH])
def test_flipped_byte_of_a_record_is_found(trail: list[AuditRecord], column: str, place: int) -> None:
    record = trail[place - 1]
    with guards_lifted():
        AuditRecord.objects.filter(pk=record.pk).update(**{column: flipped(column, getattr(record, column))})
    found = findings()
    assert any(line.startswith(f"position {place}: record ") for line in found)
    assert len(found) == (2 if column == "seals" else 1)


@pytest.mark.parametrize("field", ERASABLE)
@pytest.mark.parametrize("part", ["text", "salt"])
def test_flipped_byte_of_a_value_is_found(trail: list[AuditRecord], field: str, part: str) -> None:
    values = ErasableValues.objects.get(pk=trail[4].pk)
    kept = values.sealed[field]
    kept[part] = kept[part][:-2] + chr(ord(kept[part][-2]) ^ 1) + kept[part][-1]
    with guards_lifted():
        values.save()
    assert findings() == [f"position 5: {field} is not what was sealed"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda link: ChainLink.objects.filter(pk=link.pk).update(digest="0" * 64), 5),
        (lambda link: ChainLink.objects.filter(pk=link.pk).update(linked_at=link.linked_at + timedelta(days=1)), 5),
        (lambda link: ChainLink.objects.filter(pk=link.pk).update(position=99), 5),
        (lambda link: ChainHead.objects.update(digest="0" * 64), 9),
        (lambda link: ChainHead.objects.update(position=8), 9),
        (lambda link: ChainHead.objects.all().delete(), 9),
    ],
    ids=["digest", "linked_at", "position", "head-digest", "head-position", "head-gone"],
)
def test_change_of_link_or_head_is_found(
    trail: list[AuditRecord], change: Callable[[ChainLink], object], place: int
) -> None:
    with guards_lifted():
        change(link_of(trail[4]))
    assert findings() != []


@pytest.mark.parametrize("sealed", [{}, {"actor_label": "plain"}, {"actor_label": {"text": '"Amina"'}}, {"other": {}}])
def test_values_in_any_other_form_are_found(trail: list[AuditRecord], sealed: dict[str, object]) -> None:
    with guards_lifted():
        ErasableValues.objects.filter(pk=trail[0].pk).update(sealed=sealed)
    assert len(findings()) >= len(ERASABLE)


# --- whole rows -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", [1, 5, LENGTH])
def test_dropped_record_is_found(trail: list[AuditRecord], place: int) -> None:
    tamper("DELETE FROM audit_auditrecord WHERE id = %s", trail[place - 1].pk)
    assert findings()[0] == f"position {place}: its record is missing"
    assert findings()[-1] == "1 values whose record is missing"


@pytest.mark.parametrize("place", [1, 5, LENGTH])
def test_record_dropped_with_all_that_belongs_to_it_is_found(trail: list[AuditRecord], place: int) -> None:
    drop_wholly(trail[place - 1])
    [found] = [line for line in findings() if "missing" in line or "head" in line]
    assert found.startswith("the head says" if place == LENGTH else f"positions {place} to {place}: links are missing")


def drop_wholly(record: AuditRecord) -> None:
    with guards_lifted():
        run("DELETE FROM audit_chainlink WHERE record_id = %s", record.pk)
        run("DELETE FROM audit_erasablevalues WHERE record_id = %s", record.pk)
        run("DELETE FROM audit_auditrecord WHERE id = %s", record.pk)


def test_sequencer_goes_on_after_a_cut_end_and_the_gap_stays_to_be_seen(trail: list[AuditRecord], at: datetime) -> None:
    drop_wholly(trail[-1])
    linked(2, at)
    assert "positions 9 to 9: links are missing" in findings()


def test_swapped_records_are_found(trail: list[AuditRecord]) -> None:
    first, second = trail[2].pk, trail[6].pk
    with guards_lifted():
        for table, column in (("audit_auditrecord", "id"), ("audit_erasablevalues", "record_id")):
            for old, new in ((first, -1), (second, first), (-1, second)):
                run(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", new, old)
    assert [line.partition(":")[0] for line in findings()] == ["position 3", "position 7"]


def test_swapped_links_are_found(trail: list[AuditRecord]) -> None:
    with guards_lifted():
        for old, new in ((3, 99), (7, 3), (99, 7)):
            run("UPDATE audit_chainlink SET position = %s WHERE position = %s", new, old)
    assert {line.partition(":")[0] for line in findings()} >= {"position 3", "position 7"}


def test_exchanged_values_of_two_records_are_found(trail: list[AuditRecord]) -> None:
    first, second = trail[2].pk, trail[6].pk
    with guards_lifted():
        for old, new in ((first, -1), (second, first), (-1, second)):
            run("UPDATE audit_erasablevalues SET record_id = %s WHERE record_id = %s", new, old)
    assert len(findings()) == 2 * len(ERASABLE)


def test_inserted_record_that_nobody_linked_is_found(trail: list[AuditRecord], at: datetime) -> None:
    with guards_lifted():
        stray = written(at)
    assert findings() == [f"record {stray.public_id}: in no chain, and not waiting for it"]


def test_duplicated_record_put_into_the_chain_is_found(trail: list[AuditRecord], at: datetime) -> None:
    with guards_lifted():
        stray = written(at, action="step4")
        run("UPDATE audit_chainlink SET record_id = %s WHERE position = 5", stray.pk)
    found = findings()
    assert found[0].startswith("position 5: record ")
    assert f"record {trail[4].public_id}: in no chain, and not waiting for it" in found


def test_link_after_the_head_is_found(trail: list[AuditRecord], at: datetime) -> None:
    with guards_lifted():
        stray = written(at)
        ChainLink.objects.create(position=LENGTH + 1, record=stray, linked_at=at, digest="0" * 64)
    assert "1 links stand after the head" in findings()


def test_record_deleted_before_it_was_linked_is_found(at: datetime) -> None:
    tamper("DELETE FROM audit_auditrecord WHERE id = %s", written(at).pk)
    assert link_all(at) == 0
    assert findings() == ["1 values whose record is missing", "1 waiting entries whose record is missing"]
    assert queries.chain_status(timezone.now()).waiting == 1


def test_missing_guard_is_found(trail: list[AuditRecord]) -> None:
    on = " ON audit_chainhead" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER audit_head_forward{on}")
    assert findings() == [
        "the trigger audit_head_forward on audit_chainhead is missing (`manage.py migrate` makes it again)"
    ]


# --- a forger who computes the chain anew ------------------------------------------------------------------------------
def computed_anew(after: int) -> None:
    """Compute all links after a position again, and the head, as somebody who knows the code can."""
    previous = ChainLink.objects.get(position=after).digest if after else START
    with guards_lifted():
        for position, link in enumerate(
            ChainLink.objects.filter(position__gt=after).order_by("position"), start=after + 1
        ):
            record = AuditRecord.objects.filter(pk=link.record_id).values(*COVERED).get()
            previous = digest_of_link(position=position, previous=previous, linked_at=link.linked_at, record=record)
            ChainLink.objects.filter(record_id=link.record_id).update(position=position, digest=previous)
        ChainHead.objects.update(position=position, digest=previous)


def test_chain_computed_anew_is_found_by_a_head_kept_elsewhere_alone(trail: list[AuditRecord]) -> None:
    kept = [verification.anchor_at(position) for position in (2, 6, LENGTH)]
    tamper("UPDATE audit_auditrecord SET action = 'forged' WHERE id = %s", trail[4].pk)
    computed_anew(4)
    assert findings() == []  # what the database holds fits together
    assert findings(kept[0]) == []  # kept before the place that was forged
    assert findings(*kept) == [f"position {n}: the digest is not the one that was kept elsewhere" for n in (6, LENGTH)]


def test_chain_cut_together_with_its_head_is_found_by_a_head_kept_elsewhere_alone(trail: list[AuditRecord]) -> None:
    kept = verification.anchor_at(LENGTH)
    for record in trail[-2:]:
        drop_wholly(record)
    computed_anew(6)
    assert findings() == []
    assert findings(kept) == [f"position {LENGTH}: was kept elsewhere, and the chain is shorter now"]


# --- any of it, at any place ---------------------------------------------------------------------------------------------
def pointed_elsewhere(one: AuditRecord, other: AuditRecord) -> None:
    run("DELETE FROM audit_chainlink WHERE record_id = %s", other.pk)
    run("UPDATE audit_chainlink SET record_id = %s WHERE record_id = %s", other.pk, one.pk)


def value_forged(one: AuditRecord, name: str, number: int) -> None:
    for values in ErasableValues.objects.filter(pk=one.pk):  # none, once the values were dropped
        values.sealed[name] = {"salt": "00", "text": canonical(number)}
        values.save(update_fields=["sealed"])


TAMPERINGS: dict[str, Callable[[AuditRecord, AuditRecord, int], object]] = {
    "column": lambda one, _other, n: AuditRecord.objects.filter(pk=one.pk).update(
        **{COVERED[n % len(COVERED)]: flipped(COVERED[n % len(COVERED)], getattr(one, COVERED[n % len(COVERED)]))}
    ),
    "drop": lambda one, _other, _n: run("DELETE FROM audit_auditrecord WHERE id = %s", one.pk),
    "drop-link": lambda one, _other, _n: run("DELETE FROM audit_chainlink WHERE record_id = %s", one.pk),
    "value": lambda one, _other, n: value_forged(one, ERASABLE[n % len(ERASABLE)], n),
    "drop-values": lambda one, _other, _n: run("DELETE FROM audit_erasablevalues WHERE record_id = %s", one.pk),
    "false-erasure": lambda one, _other, n: ErasableValues.objects.filter(pk=one.pk).update(
        sealed={}, erased=dict.fromkeys(ERASABLE, f"00000000-0000-7000-8000-{n:012}")
    ),
    "point-elsewhere": lambda one, other, _n: pointed_elsewhere(one, other),
    "insert": lambda one, _other, n: operations.record(
        at=one.at, actor_kind="system", resource="r", resource_id=one.resource_id, action=f"forged{n}"
    ),
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    done=st.lists(
        st.tuples(st.sampled_from(sorted(TAMPERINGS)), st.integers(0, LENGTH - 1), st.integers(0, 40)),
        min_size=1,
        max_size=3,
    )
)
def test_any_tampering_is_found(trail: list[AuditRecord], done: list[tuple[str, int, int]]) -> None:
    with transaction.atomic():
        with guards_lifted():
            for what, place, number in done:
                TAMPERINGS[what](trail[place], trail[(place + 1) % LENGTH], number)
        assert findings() != []
        transaction.set_rollback(True)
    assert findings() == []


# --- the commands ------------------------------------------------------------------------------------------------------


def told_head() -> str:
    out = StringIO()
    call_command("audit_head", stdout=out)
    return out.getvalue()


def test_command_verifies_and_keeps_the_outcome(trail: list[AuditRecord]) -> None:
    well, said = verified()
    assert well
    assert f"✓ the whole chain: {LENGTH} records, 0 findings" in said
    assert (Verification.objects.get().last, Verification.objects.get().findings) == (LENGTH, 0)
    tamper("UPDATE audit_auditrecord SET reference = 'x' WHERE id = %s", trail[3].pk)
    well, said = verified()
    assert not well
    assert "✗ position 4: record" in said
    assert Verification.objects.latest("pk").detail[0].startswith("position 4")


def test_kept_head_is_printed_and_compared(trail: list[AuditRecord], at: datetime, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    heads.write_text(told_head())
    linked(2, at)
    heads.write_text(heads.read_text() + told_head())
    assert json.loads(told_head())["position"] == LENGTH + 2
    assert verified("--head", str(heads))[0]
    computed_anew(0)  # nothing was changed, so nothing differs
    assert verified("--head", str(heads))[0]
    tamper("UPDATE audit_auditrecord SET reference = 'x' WHERE id = %s", trail[3].pk)
    computed_anew(3)
    assert verified()[0]
    well, said = verified("--head", str(heads))
    assert not well
    assert said.count("kept elsewhere") == 2


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"form": "other", "position": 1, "digest": "0"}', "[1]"])
def test_file_without_a_head_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "heads.jsonl"
    path.write_text(text)
    with pytest.raises(anchors.UnreadableHeadError, match=r"heads\.jsonl"):
        anchors.read(path)
    with pytest.raises(CommandError, match=r"heads\.jsonl"):
        verified("--head", str(path))


def test_walk_goes_on_from_a_position_or_date(trail: list[AuditRecord], at: datetime) -> None:
    linked(3, at + timedelta(days=1))
    tamper("UPDATE audit_auditrecord SET reference = 'x' WHERE id = %s", trail[3].pk)
    assert "positions 6 to 12: 7 records, 0 findings" in verified("--since", "5")[1]
    assert "positions 10 to 12: 3 records, 0 findings" in verified("--since", "2026-11-24")[1]
    assert not verified("--since", "0")[0]
    for wrong in ("99", "-1", "yesterday", "2026-13-45"):
        with pytest.raises(CommandError):
            verified(f"--since={wrong}")


def test_checkpoint_is_where_the_next_walk_begins(trail: list[AuditRecord], at: datetime, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    assert verified("--checkpoint", str(path))[0]
    assert anchors.read(path) == [Anchor(LENGTH, ChainHead.objects.get().digest)]
    linked(3, at)
    assert "positions 10 to 12: 3 records" in verified("--checkpoint", str(path))[1]
    tamper("UPDATE audit_auditrecord SET reference = 'x' WHERE id = %s", trail[3].pk)
    computed_anew(3)
    well, said = verified("--checkpoint", str(path))
    assert not well
    assert "position 12: not what was kept of it" in said
    assert anchors.read(path)[0].position == 12


def test_pending_entries_are_gone_once_linked(trail: list[AuditRecord]) -> None:
    assert not PendingRecord.objects.exists()
