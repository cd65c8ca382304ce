import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend

from crm.files import FileSink, SqlSource
from data_contracts.errors import PublishError, SourceError
from data_contracts.releases import Thresholds
from data_contracts.scores import SCORED_LEADS_SCHEMA, ScoredLeads, WriteBackPlan

CSV = "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', skip = 0, comment = ''"
LEADS = "lead_id,created_at\nL1,2026-01-01\nL2,soon\n"
STAGES = "lead_id,stage,entered_at\nL1,mql,2026-01-02\n"


@pytest.fixture
def source(tmp_path: Path) -> SqlSource:
    """A small source whose data folder has a quote in its name."""
    made = SqlSource("small", folder=tmp_path / "sources", data_folder=tmp_path / "what 'they' sent")
    made.folder.mkdir()
    made.data_folder.mkdir()
    (made.data_folder / "leads.csv").write_text(LEADS)
    (made.data_folder / "stages.csv").write_text(STAGES)
    write_select(made, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {CSV})")
    write_select(made, "stage_changes", f"SELECT * FROM read_csv('{{data_folder}}/stages.csv', {CSV})")
    write_select(made, "extracted_at", "SELECT TIMESTAMP '2026-02-01 00:00:00'")
    return made


def write_select(source: SqlSource, name: str, select: str) -> None:
    (source.folder / f"{name}.sql").write_text(select)


def rows(history, table: str) -> list[tuple]:
    return history.engine.con.execute(f"SELECT * FROM raw_{table} ORDER BY source_row").fetchall()


def tables(engine: Backend) -> list[str]:
    return [row[0] for row in engine.con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]


def test_rows_come_as_text_numbered_in_source_order(source: SqlSource, engine: Backend):
    history = source.read(engine)
    assert rows(history, "leads") == [(1, "L1", "2026-01-01"), (2, "L2", "soon")]
    assert history.extracted_at == dt.datetime.fromisoformat("2026-02-01")
    assert (set(history.tables), history.source) == ({"leads", "stage_changes"}, "small")


def test_source_rows_follow_a_large_file_that_is_read_in_parallel(source: SqlSource, engine: Backend):
    numbers = pa.table({"lead_id": pa.array(range(400_000)).cast(pa.string())})
    pq.write_table(numbers, source.data_folder / "leads.parquet", row_group_size=10_000)
    write_select(source, "leads", "SELECT * FROM read_parquet('{data_folder}/leads.parquet')")
    history = source.read(engine)
    out_of_order = "SELECT count(*) FROM raw_leads WHERE lead_id::BIGINT + 1 <> source_row"
    assert history.engine.con.execute(out_of_order).fetchone() == (0,)


def test_a_semicolon_and_a_comment_at_the_end_of_a_select_are_no_error(source: SqlSource, engine: Backend):
    write_select(source, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {CSV}) -- all of them\n;\n")
    assert len(rows(source.read(engine), "leads")) == 2


def test_reading_again_replaces_tables_and_drops_those_that_are_gone(source: SqlSource, engine: Backend):
    write_select(source, "spend", "SELECT 1 AS amount")
    assert "spend" in source.read(engine).tables
    (source.folder / "spend.sql").unlink()
    (source.data_folder / "leads.csv").write_text(LEADS + "L3,2026-01-03\n")
    history = source.read(engine)
    assert len(rows(history, "leads")) == 2 + 1
    assert tables(engine) == ["raw_leads", "raw_stage_changes"]


@pytest.mark.parametrize("type_name", ["TIMESTAMPTZ", ""])
def test_a_time_of_extract_with_an_offset_becomes_utc(source: SqlSource, engine: Backend, type_name: str):
    write_select(source, "extracted_at", f"SELECT {type_name} '2026-02-01 01:30:00+02:00'")
    assert source.read(engine).extracted_at == dt.datetime.fromisoformat("2026-01-31T23:30")


@pytest.mark.parametrize(
    "select",
    ["SELECT NULL", "SELECT DATE '2026-02-01', DATE '2026-02-02'", "SELECT TIMESTAMP '2026-02-01' FROM range(2)"],
)
def test_a_time_of_extract_that_is_not_one_time_is_refused(source: SqlSource, engine: Backend, select: str):
    write_select(source, "extracted_at", select)
    with pytest.raises(SourceError, match=r"extracted_at .* gives .*; make it one row with one time"):
        source.read(engine)


@pytest.mark.parametrize("line", ["L3", "L3,2026-01-03,x"])
@pytest.mark.parametrize("n_before", [0, 1, 3, 30_000])
def test_a_line_with_too_few_or_too_many_values_is_an_error(
    source: SqlSource, engine: Backend, line: str, n_before: int
):
    good = "L0,2026-01-01\n"
    (source.data_folder / "leads.csv").write_text(f"lead_id,created_at\n{good * n_before}{line}\n{good * 2}")
    with pytest.raises(SourceError, match=r"leads \(.*leads\.sql\): .*; give every line as many values as the header"):
        source.read(engine)


def test_a_line_that_looks_like_a_comment_is_a_row(source: SqlSource, engine: Backend):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\n#1,2026-01-01\nL2,2026-01-02\n")
    assert [row[1] for row in rows(source.read(engine), "leads")] == ["#1", "L2"]


def test_a_file_in_another_encoding_is_an_error_that_says_how_to_name_it(source: SqlSource, engine: Backend):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\nJosé,2026-01-01\n", encoding="latin-1")
    with pytest.raises(SourceError, match=r"leads .* not utf-8 encoded.*encoding = 'latin-1'"):
        source.read(engine)
    encoded = CSV + ", encoding = 'latin-1'"
    write_select(source, "leads", f"SELECT * FROM read_csv('{{data_folder}}/leads.csv', {encoded})")
    assert rows(source.read(engine), "leads")[0][1] == "José"


def test_the_problems_of_all_tables_are_listed_at_once_and_no_table_is_left(source: SqlSource, engine: Backend):
    write_select(source, "accounts", "SELECT * FROM read_csv('{data_folder}/accounts.csv')")
    write_select(source, "activities", "SELECT * FROM read_csv('{data_folder}/activities.csv')")
    write_select(source, "opportunities", "SELEC 1")
    write_select(source, "spend", "SELECT budget FROM read_csv('{data_folder}/leads.csv')")
    write_select(source, "attribute_changes", "SELECT 1 AS source_row")
    (source.data_folder / "activities.csv").write_text("")
    with pytest.raises(SourceError) as caught:
        source.read(engine)
    lines = str(caught.value).splitlines()
    assert lines[0] == "source 'small' cannot be read, 5 problem(s):"
    assert "accounts.csv; export it, or delete the .sql" in lines[1]
    assert "activities.csv is empty (0 bytes); export it again" in lines[2]
    assert "opportunities.sql): Parser Error" in lines[3]
    assert "gives a column source_row, which is ours" in lines[4]
    assert 'spend.sql): Binder Error: Referenced column "budget" not found' in lines[5]
    assert len(lines) == 1 + 5
    assert tables(engine) == []


def test_what_is_wrong_with_the_folders_is_listed_at_once(source: SqlSource, engine: Backend):
    (source.folder / "stage_changes.sql").unlink()
    write_select(source, "contacts", "SELECT 1")
    write_select(source, "spend", " \n")
    (source.folder / "accounts.sql").write_text("SELECT 'José'", encoding="latin-1")
    lost = SqlSource("small", folder=source.folder, data_folder=source.data_folder / "nowhere")
    with pytest.raises(SourceError) as caught:
        lost.read(engine)
    message = str(caught.value)
    assert "'contacts' is not a canonical table; name the file after one of accounts, leads, activities," in message
    assert "stage_changes.sql is missing; every source needs it" in message
    assert "nowhere; export into it, or say with --data where it is" in message
    assert "accounts.sql is not UTF-8" in message
    assert "spend.sql is empty; write a SELECT or delete it" in message
    assert "5 problem(s)" in message


def test_a_missing_source_folder_is_an_error(source: SqlSource, engine: Backend):
    with pytest.raises(SourceError, match=r"there is no folder .*elsewhere; make it and put in <table>\.sql"):
        SqlSource("small", folder=source.folder / "elsewhere", data_folder=source.data_folder).read(engine)


def test_a_required_table_without_rows_is_an_error(source: SqlSource, engine: Backend):
    (source.data_folder / "leads.csv").write_text("lead_id,created_at\n")
    with pytest.raises(SourceError, match=r"leads .*: there are no rows; look into the exported files"):
        source.read(engine)


AS_OF = dt.datetime.fromisoformat("2026-05-01T12:00")
THRESHOLDS = Thresholds(
    hand_off_probability=0.4,
    leads_per_week=45,
    expected_per_week=44,
    fit_boundaries=(0.8, 0.6, 0.4),
    behaviour_boundaries=(0.5, 0.3, 0.1),
    labelled_by_grade={"A1": 10},
    policy="capacity",
)
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
             "is_above_threshold": True, "n_labelled_alike": 1, "is_extrapolated": False, "action": "work",
             "release_id": "r1", "definitions_version": "2026.2"}  # fmt: skip
    scored = [blank | {"lead_id": lead} for lead in sorted(new)]
    pq.write_table(pa.Table.from_pylist(scored, schema=SCORED_LEADS_SCHEMA), path)
    changed = len({change["lead_id"] for change in changes})
    return WriteBackPlan(
        changes=pa.Table.from_pylist(changes, schema=schema),
        scored=ScoredLeads(path, n_leads=len(new), as_of=AS_OF, release_id="r1", definitions_version="2026.2"),
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
    sink.write(plan_of(tmp_path, {}, first), thresholds=THRESHOLDS)
    second = first | {"L2": lead(grade="C4", reasons="raises: c")}
    receipt = sink.write(plan_of(tmp_path, first, second), thresholds=THRESHOLDS)

    assert state(sink) == second
    assert pq.read_table(tmp_path / "out" / "changes.parquet").to_pylist() == [
        {"lead_id": "L2", "field": "grade", "old_value": "D4", "new_value": "C4"},
        {"lead_id": "L2", "field": "reasons", "old_value": None, "new_value": "raises: c"},
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
    assert {file.name for file in receipt.files} == set(contents(tmp_path / "out"))


def test_a_lead_that_is_no_longer_scored_leaves_the_scores(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    before = {"L1": lead(), "L2": lead()}
    sink.write(plan_of(tmp_path, {}, before), thresholds=THRESHOLDS)
    sink.write(plan_of(tmp_path, before, {"L2": lead()}), thresholds=THRESHOLDS)
    assert state(sink) == {"L2": lead()}


def test_writing_a_plan_twice_leaves_the_same_files(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    plan = plan_of(tmp_path, {}, {f"L{number:05d}": lead(p_sql=f"0.{number:04d}") for number in range(3_000)})
    sink.write(plan, thresholds=THRESHOLDS)
    once = contents(tmp_path / "out")
    assert len(once) == 5
    sink.write(plan, thresholds=THRESHOLDS)
    assert contents(tmp_path / "out") == once


values = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6))
states = st.dictionaries(
    st.sampled_from(["L1", "L2", "=L3", "L'4", "-5"]), st.fixed_dictionaries(dict.fromkeys(FIELDS, values)), max_size=4
)


@settings(max_examples=25, deadline=None)
@given(history=st.lists(states, min_size=1, max_size=3))
def test_what_stands_is_what_the_last_plan_made_of_it(tmp_path_factory: pytest.TempPathFactory, history: list[State]):
    folder = tmp_path_factory.mktemp("published")
    sink = FileSink(folder / "out")
    for new in history:
        sink.write(plan_of(folder, state(sink), new), thresholds=THRESHOLDS)
        stands = state(sink)
        assert set(stands) == set(new)
        assert all(stands[one].get(name) == new[one][name] for one in new for name in FIELDS)


def test_a_write_that_fails_halfway_leaves_the_old_files(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    first = {"L1": lead()}
    sink.write(plan_of(tmp_path, {}, first), thresholds=THRESHOLDS)
    before = contents(tmp_path / "out")
    plan = plan_of(tmp_path, first, {"L1": lead(grade="B1")})
    plan.scored.path.unlink()  # the changes can be written, the scores then cannot
    with pytest.raises(PublishError, match=r"could not be written to .*out: .*; what stood before stands"):
        sink.write(plan, thresholds=THRESHOLDS)
    assert contents(tmp_path / "out") == before


def test_a_write_that_fails_while_replacing_can_be_written_again(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    first, second = {"L1": lead()}, {"L1": lead(grade="B1")}
    sink.write(plan_of(tmp_path, {}, first), thresholds=THRESHOLDS)
    (tmp_path / "out" / "scores.csv").unlink()
    (tmp_path / "out" / "scores.csv").mkdir()  # a folder is in the way
    with pytest.raises(PublishError, match="publish again"):
        sink.write(plan_of(tmp_path, first, second), thresholds=THRESHOLDS)
    assert state(sink) == first
    (tmp_path / "out" / "scores.csv").rmdir()
    sink.write(plan_of(tmp_path, state(sink), second), thresholds=THRESHOLDS)
    assert state(sink) == second


def test_scores_that_cannot_be_read_are_an_error(tmp_path: Path):
    (tmp_path / "scores.parquet").write_text("not parquet")
    with pytest.raises(PublishError, match=r"scores\.parquet cannot be read .* delete it to publish all anew"):
        FileSink(tmp_path).published()


def test_csv_cells_that_would_run_as_formulas_are_neutralised_and_parquet_keeps_them(tmp_path: Path):
    sink = FileSink(tmp_path / "out")
    cells = ["=1+1", "+49 30", "-2-3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-0.25", "-1e-05", "1-1", None]
    new = {f"={number:02d}": lead(reasons=cell) for number, cell in enumerate(cells)}
    sink.write(plan_of(tmp_path, {}, new), thresholds=THRESHOLDS)
    assert state(sink) == new
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(column_types={"reasons": pa.string()}, strings_can_be_null=True)
    for name, column in (("scores.csv", "reasons"), ("changes.csv", "new_value")):
        table = pyarrow.csv.read_csv(tmp_path / "out" / name, parse_options=options, convert_options=convert)
        written = [row[column] for row in table.to_pylist() if column == "reasons" or row["field"] == "reasons"]
        expected = ["'=1+1", "'+49 30", "'-2-3", "'@SUM(A1)", "'\t=1", "'\r=1", "'\n=1", "-0.25", "-1e-05", "1-1"]
        assert [cell for cell in written if cell is not None] == expected
        assert table["lead_id"][0].as_py() == "'=00"
