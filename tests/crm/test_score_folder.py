import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import crm.score_folder
from crm.score_folder import ScoreFolder
from data_contracts.calls import NOTHING_BEFORE, CallList
from data_contracts.errors import StoreError, UnknownLeadError
from data_contracts.scores import WriteBackPlan
from tests.example_calls import actions, day, listed, sales
from tests.example_publication import write_back_plan

THRESHOLDS = sales(5)
LEADS = "ABCDE"


def history(folder: Path, *, keep_days: int = 400) -> ScoreFolder:
    return ScoreFolder(folder / "score_history", keep_days=keep_days)


def plan(folder: Path, calls: CallList, *, changed: tuple[str, ...] = ()) -> WriteBackPlan:
    """Scores of A to E under the call list, of which those of `changed` differ from what stands in the CRM."""
    return write_back_plan(folder, calls, {lead: {} for lead in LEADS}, thresholds=THRESHOLDS, changed=changed)


def calls_at(number: int, before=NOTHING_BEFORE) -> CallList:
    return listed({"A": 0.9, "B": 0.8, "C": 0.7, "E": 0.1}, before, at=day(number), thresholds=THRESHOLDS)


def test_before_the_first_publication_there_is_nothing(tmp_path):
    assert history(tmp_path).calls_before(day(1)) is NOTHING_BEFORE
    assert history(tmp_path).of_leads(["A"]).num_rows == 0


def test_what_was_published_stands_before_the_next_run(tmp_path):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first), first)
    before = kept.calls_before(day(2))
    assert before.last_run_at == day(1)
    assert before.queue.equals(first.rows)
    assert before.hand_offs.to_pylist() == [
        {
            "lead_id": "A", "team": "sales", "handed_off_at": day(1), "handed_off_by": "rank", "drawn_share": None,
            "respond_by_at": day(1) + dt.timedelta(hours=8),
        }
    ]  # fmt: skip
    assert kept.calls_before(day(1)).last_run_at is None, "the run of the same moment is not the one before it"
    assert kept.calls_before(day(1)).hand_offs.num_rows == 1, "and what it handed off stands"
    assert kept.calls_before(day(1) - dt.timedelta(days=1)) is NOTHING_BEFORE


def test_every_hand_off_up_to_a_moment_has_the_score_by_which_it_was_made(tmp_path):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first), first)
    second = calls_at(2, kept.calls_before(day(2)))
    kept.append(plan(tmp_path, second), second)
    told = kept.handed_off(day(2)).select(["lead_id", "handed_off_at", "p_sql", "release_id"]).to_pylist()
    assert told == [
        {"lead_id": "A", "handed_off_at": day(1), "p_sql": 0.5, "release_id": "r1"},
        {"lead_id": "B", "handed_off_at": day(2), "p_sql": 0.5, "release_id": "r1"},
    ]
    assert kept.handed_off(day(1))["lead_id"].to_pylist() == ["A"]
    assert history(tmp_path / "new").handed_off(day(1)).num_rows == 0


def test_appending_the_same_run_again_adds_nothing(tmp_path):
    kept, calls = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, calls, changed=("A", "E")), calls)
    kept.append(plan(tmp_path, calls), calls)  # the CRM has the changes by now
    assert len([path for path in kept.folder.iterdir() if path.is_dir()]) == 1
    assert kept.of_leads(["E"]).num_rows == 1


def test_a_second_list_of_the_same_moment_takes_no_place_twice(tmp_path):
    kept, calls = history(tmp_path), calls_at(2)
    kept.append(plan(tmp_path, calls), calls)
    kept.decline("B", at=day(2) + dt.timedelta(hours=1), by="seller", because="a student")
    again = calls_at(2, kept.calls_before(day(2)))
    kept.append(plan(tmp_path, again), again)
    assert actions(again) == {"A": "hand_off", "B": "nurture", "C": "wait"}
    assert sorted(kept.calls_before(day(3)).hand_offs["lead_id"].to_pylist()) == ["A", "B"]


def test_scores_that_changed_are_kept_with_what_they_were_made_under(tmp_path):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first, changed=("B",)), first)
    (b,) = kept.of_leads(["B"]).to_pylist()
    assert (b["as_of"], b["reason_1"], b["boundary"], b["data_fingerprint"]) == (day(1), "raises: a", 0.5, "f1")
    assert b["thresholds_id"] == THRESHOLDS.thresholds_id
    assert kept.of_leads(["C"]).num_rows == 0, "it did not change"
    assert kept.of_leads(["A"]).num_rows == 1, "it was handed off, whether or not it changed"


def test_scores_of_many_leads_come_in_one_pass_in_the_order_of_the_publications(tmp_path, monkeypatch):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first, changed=("A", "B", "E")), first)
    later = calls_at(2, kept.calls_before(day(2)))
    kept.append(plan(tmp_path, later, changed=("B", "C")), later)
    read, columns = [], ["lead_id", "as_of"]
    run = pq.read_table
    monkeypatch.setattr(
        crm.score_folder.pq, "read_table", lambda path, **how: read.append(path.name) or run(path, **how)
    )
    told = kept.of_leads(["A", "B", "none", "B"], columns=columns)
    assert told.to_pydict() == {"lead_id": ["A", "B", "B"], "as_of": [day(1), day(1), day(2)]}
    assert read == ["scores.parquet"] * 2


def test_a_few_leads_of_a_large_run_are_found_without_the_rest_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(crm.score_folder, "ROWS_TOGETHER", 2)
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first, changed=tuple("ABCDE")), first)
    (scores,) = kept.folder.glob("*/scores.parquet")
    assert pq.ParquetFile(scores).num_row_groups == 3, "5 leads, 2 together"
    assert kept.of_leads(["E"])["lead_id"].to_pylist() == ["E"]


def test_old_scores_are_let_go_but_not_the_one_at_the_hand_off(tmp_path):
    kept, first = history(tmp_path, keep_days=10), calls_at(1)
    kept.append(plan(tmp_path, first, changed=("A", "B")), first)
    later = calls_at(12, kept.calls_before(day(12)))
    kept.append(plan(tmp_path, later, changed=("A",)), later)
    assert kept.of_leads(["A"])["as_of"].to_pylist() == [day(1), day(12)]
    assert kept.of_leads(["B"])["as_of"].to_pylist() == [day(12)], "handed off on the 12th; its first score is gone"


@pytest.mark.parametrize(("lead", "told"), [("E", "was never handed off"), ("C", "was never handed off")])
def test_only_a_lead_that_was_handed_off_can_be_declined(tmp_path, lead, told):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first), first)
    with pytest.raises(UnknownLeadError, match=told):
        kept.decline(lead, at=day(1), by="seller", because="x")


def test_a_lead_is_declined_once_a_hand_off(tmp_path):
    kept, first = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, first), first)
    kept.decline("A", at=day(1) + dt.timedelta(hours=1), by="seller", because="a student")
    with pytest.raises(UnknownLeadError, match="was declined already"):
        kept.decline("A", at=day(1) + dt.timedelta(hours=2), by="seller", because="x")
    assert [word["because"] for word in kept.calls_before(day(2)).declined.to_pylist()] == ["a student"]


def test_a_run_that_breaks_off_adds_nothing_and_can_be_made_again(tmp_path, monkeypatch):
    kept, calls = history(tmp_path), calls_at(1)
    written = []

    def break_off(table, path, **options):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        pq_write(table, path, **options)

    pq_write = pq.write_table
    monkeypatch.setattr(crm.score_folder.pq, "write_table", break_off)
    made = plan(tmp_path, calls)
    written.clear()
    with pytest.raises(StoreError, match="the disk is full"):
        kept.append(made, calls)
    assert kept.calls_before(day(2)) is NOTHING_BEFORE
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".version")] == []
    kept.append(made, calls)
    assert kept.calls_before(day(2)).hand_offs.num_rows == 1


@pytest.mark.parametrize("name", ["about.json", "hand_offs.parquet", "calls.parquet"])
def test_a_damaged_file_is_told_and_nothing_is_guessed(tmp_path, name):
    kept, calls = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, calls), calls)
    (file,) = kept.folder.glob(f"*/{name}")
    file.write_text("half")
    with pytest.raises(StoreError, match=f"{name} is damaged"):
        kept.calls_before(day(2))


def test_what_is_kept_is_the_owners_alone(tmp_path):
    kept, calls = history(tmp_path), calls_at(1)
    kept.append(plan(tmp_path, calls), calls)
    assert {path.stat().st_mode & 0o077 for path in kept.folder.rglob("*")} == {0}
