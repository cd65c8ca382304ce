import datetime as dt
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.file_sink import FILES, FileSink
from data_contracts import keeping
from data_contracts.errors import BusyError, PublishError, StoreError
from data_contracts.scores import SCORED_LEADS_SCHEMA, ScoredLeads, WriteBackPlan
from data_contracts.thresholds import Thresholds
from tests.example_release import THRESHOLDS

AS_OF = dt.datetime.fromisoformat("2026-05-01T12:00")
FIELDS = ("grade", "p_sql", "reasons")
State = dict[str, dict[str, str | None]]


def plan_of(folder: Path, old: State, new: State) -> WriteBackPlan:
    """The plan that leads from `old` to `new`, whose leads are the scored ones."""
    changes = [
        {"lead_id": lead, "field": name, "old_value": before, "new_value": values[name]}
        for lead, values in sorted(new.items())
        for name in FIELDS
        for before in (old.get(lead, {}).get(name),)
        if before != values[name]
    ]
    schema = pa.schema([(name, pa.string()) for name in ("lead_id", "field", "old_value", "new_value")])
    path = folder / "scored'leads.parquet"
    blank = {"account_id": None, "stage": "mql", "as_of": AS_OF, "p_win": 0.1, "expected_value": 1.0, "grade": "A1",
             "team": "sales", "suppressed_by": None, "ranking_value": 0.5, "is_eligible": True,
             "n_labelled_alike": 1, "is_extrapolated": False, "action": "work", "release_id": "r1",
             "definitions_version": "2026.2", "policy_version": "2026.1"}  # fmt: skip
    scored = [blank | {"lead_id": lead} for lead in sorted(new)]
    pq.write_table(pa.Table.from_pylist(scored, schema=SCORED_LEADS_SCHEMA), path)
    changed = len({change["lead_id"] for change in changes})
    return WriteBackPlan(
        changes=pa.Table.from_pylist(changes, schema=schema),
        scored=ScoredLeads(
            path,
            n_leads=len(new),
            as_of=AS_OF,
            release_id="r1",
            definitions_version="2026.2",
            data_fingerprint="f1",
            thresholds_id="t1",
        ),
        thresholds=THRESHOLDS,
        n_leads=len(new),
        n_changed=changed,
        n_unchanged=len(new) - changed,
        n_left=len(set(old) - set(new)),
    )


def lead(grade: str | None = "A1", p_sql: str | None = "0.5000", reasons: str | None = "raises: a; lowers: b"):
    return {"grade": grade, "p_sql": p_sql, "reasons": reasons}


def state(sink: FileSink) -> State:
    return {row.pop("lead_id"): row for row in sink.published().to_pylist()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nothing_is_published_before_the_first_write(tmp_path: Path):
    published = FileSink(tmp_path / "out").published()
    assert (published.column_names, published.num_rows) == (["lead_id"], 0)


def test_a_plan_is_written_as_scores_changes_and_thresholds(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    first = {"L1": lead(), "L2": lead(grade="D4", reasons=None)}
    sink.write(plan_of(tmp_path, {}, first))
    second = first | {"L2": lead(grade="C4", reasons="raises: c")}
    receipt = sink.write(plan_of(tmp_path, first, second))

    assert state(sink) == second
    assert pq.read_table(tmp_path / "out" / "changes.parquet").to_pylist() == [
        {
            "lead_id": "L2",
            "field": name,
            "old_value": old,
            "new_value": new,
            "as_of": "2026-05-01T12:00:00Z",
            "release_id": "r1",
        }
        for name, old, new in (("grade", "D4", "C4"), ("reasons", None, "raises: c"))
    ]
    assert (tmp_path / "out" / "scores.csv").read_text().splitlines() == [
        '"lead_id","grade","p_sql","reasons"',
        '"L1","A1","0.5000","raises: a; lowers: b"',
        '"L2","C4","0.5000","raises: c"',
    ]
    boundaries = json.loads((tmp_path / "out" / "thresholds.json").read_text())
    assert (boundaries["release_id"], boundaries["as_of"]) == ("r1", "2026-05-01T12:00:00Z")
    assert Thresholds.model_validate_json(json.dumps(boundaries["thresholds"])) == THRESHOLDS
    assert (receipt.n_written, receipt.n_unchanged, dict(receipt.refused)) == (1, 1, {})
    assert {Path(place).name for place in receipt.places} == set(contents(tmp_path / "out"))


def test_a_lead_that_is_no_longer_scored_leaves_the_scores(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    before = {"L1": lead(), "L2": lead()}
    sink.write(plan_of(tmp_path, {}, before))
    sink.write(plan_of(tmp_path, before, {"L2": lead()}))
    assert state(sink) == {"L2": lead()}


def test_writing_a_plan_twice_leaves_the_same_files(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    plan = plan_of(tmp_path, {}, {f"L{number:05d}": lead(p_sql=f"0.{number:04d}") for number in range(3_000)})
    sink.write(plan)
    once = contents(tmp_path / "out")
    assert len(once) == 5
    sink.write(plan)
    assert contents(tmp_path / "out") == once


values = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6))
states = st.dictionaries(
    st.sampled_from(["L1", "L2", "=L3", "L'4", "-5"]), st.fixed_dictionaries(dict.fromkeys(FIELDS, values)), max_size=4
)


NOTHING_SAID = lead(None, None, None)


@settings(max_examples=25, deadline=None)
@example(history=[{"L1": NOTHING_SAID}, {"L2": NOTHING_SAID}])
@given(history=st.lists(states, min_size=1, max_size=3))
def test_what_stands_is_what_the_last_plan_made_of_it(tmp_path_factory: pytest.TempPathFactory, history: list[State]):
    folder = tmp_path_factory.mktemp("published")
    sink = FileSink(folder / "out")
    for new in history:
        sink.write(plan_of(folder, state(sink), new))
        stands = state(sink)
        assert set(stands) == set(new)
        assert all(stands[one].get(name) == new[one][name] for one in new for name in FIELDS)


def test_a_write_that_fails_halfway_leaves_the_old_files(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    first = {"L1": lead()}
    sink.write(plan_of(tmp_path, {}, first))
    before = contents(tmp_path / "out")
    plan = plan_of(tmp_path, first, {"L1": lead(grade="B1")})
    plan.scored.path.unlink()  # the changes can be written, the scores then cannot
    with pytest.raises(StoreError, match=r"out cannot be read or written"):
        sink.write(plan)
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".scratch")] == []


def test_the_old_files_stand_together_until_all_new_ones_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever reads the folder while it is written must not find new boundaries beside old scores."""
    sink = FileSink(tmp_path / "out")
    first = {"L1": lead()}
    sink.write(plan_of(tmp_path, {}, first))
    before = contents(tmp_path / "out")
    point, seen = keeping._point, []

    def looked_at(path: Path, version: Path) -> None:
        seen.append((contents(path), sorted(contents(version))))
        point(path, version)

    monkeypatch.setattr(keeping, "_point", looked_at)
    sink.write(plan_of(tmp_path, first, {"L1": lead(grade="B1")}))
    assert seen == [(before, sorted(FILES))]
    assert contents(tmp_path / "out") != before


def test_publishing_again_what_stands_leaves_the_last_changes(tmp_path: Path):
    """A retry after a receipt that was lost must not empty the list of changes before anybody read it."""
    sink = FileSink(tmp_path / "out")
    first = {"L1": lead(), "L2": lead()}
    sink.write(plan_of(tmp_path, {}, first))
    once = contents(tmp_path / "out")
    sink.write(plan_of(tmp_path, first, first))
    assert contents(tmp_path / "out") == once
    sink.write(plan_of(tmp_path, first, {"L1": lead()}))
    assert contents(tmp_path / "out")["changes.csv"] == once["changes.csv"]
    assert state(sink) == {"L1": lead()}


def test_a_second_publisher_is_told_who_publishes(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    said = rf"leadscore publish \(process {os.getpid()} on .*\) is at work on .*out"
    with sink.held(), pytest.raises(BusyError, match=said), FileSink(tmp_path / "out").held():
        pass


def test_scores_that_cannot_be_read_are_an_error(tmp_path: Path):
    (tmp_path / "scores.parquet").write_text("not parquet")
    with pytest.raises(PublishError, match=r"scores\.parquet cannot be read .* delete it to publish all anew"):
        FileSink(tmp_path).published()


def test_csv_cells_that_would_run_as_formulas_are_neutralised_and_parquet_keeps_them(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    cells = ["=1+1", "+49 30", "-2-3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-0.25", "-1e-05", "1-1", None]
    new = {f"={number:02d}": lead(reasons=cell) for number, cell in enumerate(cells)}
    sink.write(plan_of(tmp_path, {}, new))
    assert state(sink) == new
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types={"reasons": pa.string()}, strings_can_be_null=True)
    for name, column in (("scores.csv", "reasons"), ("changes.csv", "new_value")):
        table = pyarrow.csv.read_csv(tmp_path / "out" / name, parse_options=options, convert_options=convert)
        written = [row[column] for row in table.to_pylist() if column == "reasons" or row["field"] == "reasons"]
        expected = ["'=1+1", "'+49 30", "'-2-3", "'@SUM(A1)", "'\t=1", "'\r=1", "'\n=1", "-0.25", "-1e-05", "1-1"]
        assert [cell for cell in written if cell is not None] == expected
        assert table["lead_id"][0].as_py() == "'=00"
