"""What stays of every check in the store, and that keeping it never stands in a check's way."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from data_contracts.errors import ContractError
from data_contracts.keeping import held
from data_contracts.settings import Settings
from pipelines import kept_checks as keeping
from pipelines.ingest import ingest_history
from pipelines.kept_checks import keep_check, kept_checks
from tests.example_checks import kept
from tests.example_history import settings


@pytest.fixture
def small_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two leads and a change of stage each, as CSV files with their SELECTs."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sources = tmp_path / "sources" / "example"
    sources.mkdir(parents=True)
    data = tmp_path / "data"
    data.mkdir()
    (data / "leads.csv").write_text("lead_id,created_at\nL-1,2026-01-01\nL-2,2026-01-02\n")
    (data / "stages.csv").write_text("lead_id,stage,entered_at\nL-1,mql,2026-02-01\nL-2,mql,2026-02-01\n")
    (sources / "leads.sql").write_text("SELECT * FROM read_csv('{data_folder}/leads.csv', all_varchar = true)")
    (sources / "stage_changes.sql").write_text("SELECT * FROM read_csv('{data_folder}/stages.csv', all_varchar = true)")
    (sources / "extracted_at.sql").write_text("SELECT TIMESTAMP '2026-05-01 12:00:00' AS extracted_at")
    made = settings()
    crm = made.crm.model_copy(
        update={"sources_folder": tmp_path / "sources", "data_folder": data, "attributes": {}, "kinds": {}}
    )
    return made.model_copy(update={"crm": crm, "store": made.store.model_copy(update={"folder": tmp_path / "store"})})


def test_checks_come_back_the_oldest_first_and_are_the_owner_s_alone(tmp_path):
    store = tmp_path / "store"
    later, earlier = kept(2), kept(1)
    keep_check(store, later)
    keep_check(store, earlier)
    assert kept_checks(store) == (earlier, later)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (store / "checks").iterdir()} == {0o600}


def test_where_none_is_kept_there_is_none(tmp_path):
    assert kept_checks(tmp_path) == ()


def test_the_oldest_go_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_KEPT", 2)
    for day in (1, 2, 3):
        keep_check(tmp_path / "store", kept(day))
    assert kept_checks(tmp_path / "store") == (kept(2), kept(3))


@pytest.mark.parametrize("content", [b"", b'{"checked_at": "yesterday"}', b"\xff\xfe"])
def test_a_damaged_file_is_named_and_passed_over(tmp_path, content):
    store, told = tmp_path / "store", []
    keep_check(store, kept(1))
    keep_check(store, kept(2))
    damaged = min((store / "checks").iterdir())
    damaged.write_bytes(content)
    assert kept_checks(store, warn=told.append) == (kept(2),)
    assert told == [
        f"{damaged} cannot be read (it holds no kept check), so that check is not among those shown; remove it"
    ]


def test_what_a_killed_run_left_aside_is_no_check_and_goes(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / ".version-checks-12345678").write_text('{"half": ')
    keep_check(store, kept(1))
    assert {path.name for path in store.iterdir()} == {"checks", "checks.lock"}


def test_checks_are_kept_with_their_counts_and_one_that_the_contract_refuses_as_such(small_source):
    report = ingest_history(small_source)
    stages = small_source.crm.data_folder / "stages.csv"
    stages.write_text("lead_id,stage,entered_at\nL-1,Jane Doe,2026-02-01\nL-2,mql,2026-02-01\n")
    with pytest.raises(ContractError, match="'Jane Doe'"):
        ingest_history(small_source)
    accepted, refused = kept_checks(small_source.store.folder)
    assert (accepted.is_accepted, refused.is_accepted) == (True, False)
    assert (accepted.fingerprint, accepted.extracted_at) == (report.fingerprint, dt.datetime(2026, 5, 1, 12))
    assert {one.table: one.rows for one in accepted.tables} == {"leads": 2, "stage_changes": 2}
    assert {one.table: one.rows for one in refused.tables} == {"leads": 2, "stage_changes": 2}
    assert "stage_changes.stage.in_vocabulary" in refused.stopped_by
    texts = [path.read_text() for path in (small_source.store.folder / "checks").iterdir()]
    assert not any("Jane" in text for text in texts), "what was found may be personal"


def test_a_check_whose_trace_cannot_be_kept_succeeds_and_says_so(small_source):
    small_source.store.folder.mkdir()
    (small_source.store.folder / "checks").write_text("in the way")
    told = []
    report = ingest_history(small_source, warn=told.append)
    assert report.fingerprint
    (warning,) = told
    assert "could not be kept" in warning
    assert "checks" in warning


def test_a_check_waits_no_longer_than_it_is_worth_for_another_that_keeps(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "WAIT_SECONDS", 0.0)
    told = []
    with held(tmp_path / "checks", by="leadscore check"):
        keep_check(tmp_path, kept(1), warn=told.append)
    assert "is at work" in told[0]
    assert kept_checks(tmp_path) == ()
