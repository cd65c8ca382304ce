"""Tables of pages: what the page shows, and the same rows whole as files."""

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.page_settings import PageSettings
from pages import Page, works_page
from pages.tables import MOST_ROWS, Column, Shown, Table, told_rows, write_files
from tests.example_site import EVIL, NOTHING, Seen, frame, nothing_runs, written

AT = dt.datetime(2026, 6, 30, 18)


def table(rows: list[dict[str, object]], *columns: Column) -> Table:
    return Table("leads", "some leads", told_rows(rows, columns), columns, "Counted.")


def page_with(one: Table) -> Page:
    """A page whose one table is `one`."""
    bare = works_page(NOTHING, NOTHING, NOTHING, verdict=None, card="", frame=frame())
    return replace(bare, told={**bare.told, "verdict": True}, tables={"gate": one})


def shown(tmp_path, one: Table) -> Seen:
    return Seen(written(tmp_path, page_with(one)))


def test_csv_cells_do_not_run_in_a_spreadsheet_and_parquet_keeps_them_as_they_are(tmp_path):
    write_files(
        [table([{"id": "=1+1", "n": -3, "at": AT}], Column("id", "Id"), Column("n", "N"), Column("at", "At"))], tmp_path
    )
    assert (tmp_path / "leads.csv").read_text() == '"id","n","at"\n"\'=1+1","-3","2026-06-30T18:00:00Z"\n'
    assert pq.read_table(tmp_path / "leads.parquet").to_pylist() == [{"id": "=1+1", "n": -3, "at": AT}]


def test_a_long_table_is_cut_on_the_page_and_whole_in_the_files(tmp_path):
    rows = [{"id": f"L-{n:04}"} for n in range(MOST_ROWS + 5)]
    seen = shown(tmp_path, table(rows, Column("id", "Id")))
    assert len(seen.rows) == 1 + MOST_ROWS
    assert "205 rows; the first 200 are shown" in seen.text
    assert pq.read_table(tmp_path / "tables/leads.parquet").num_rows == MOST_ROWS + 5


def test_a_table_without_rows_has_its_columns_and_says_so(tmp_path):
    seen = shown(tmp_path, table([], Column("id", "Id"), Column("p", "Chance", Shown.SHARE, low="low", high="high")))
    assert seen.rows == [["Id", "Chance"]]
    assert "No rows." in seen.text
    assert pq.read_table(tmp_path / "tables/leads.parquet").column_names == ["id", "p", "low", "high"]


@pytest.mark.parametrize(
    ("how", "value", "told", "sorts_by"),
    [
        (Shown.COUNT, 12_000, "12,000", "12000"),
        (Shown.NUMBER, 1.25, "1.2", "1.25"),
        (Shown.FIGURE, 0.0004, "0.000", "0.0004"),
        (Shown.SHARE, 0.005, "0.5%", "0.005"),
        (Shown.MONEY, 8_800.4, "€8,800", "8800.4"),
        (Shown.DAY, AT, "Jun 30, 2026", "2026-06-30T18:00:00"),
        (Shown.MOMENT, AT, "Tue, Jun 30, 8:00 PM", "2026-06-30T18:00:00"),
        (Shown.MONEY, None, "–", ""),
    ],
)
def test_a_cell_is_written_for_people_and_sorts_by_its_value(tmp_path, how, value, told, sorts_by):
    seen = shown(tmp_path, table([{"x": value}], Column("x", "X", how)))
    assert seen.rows[1] == [told]
    assert seen.attributes("td")[0]["data-value"] == sorts_by


def test_a_lead_without_a_record_address_is_no_link(tmp_path):
    one = table([{"id": "L-1"}], Column("id", "Lead", Shown.LEAD))
    assert Seen(written(tmp_path, page_with(one))).rows[1] == ["L-1 in the CRM (L-1)"]
    assert Seen(written(tmp_path / "b", page_with(one), frame(settings=PageSettings()))).rows[1] == ["L-1"]


def test_a_column_that_is_only_filtered_by_is_hidden_and_there(tmp_path):
    seen = shown(tmp_path, table([{"a": "x"}], Column("a", "A", filters=True, is_visible=False)))
    assert "hidden" in seen.attributes("td")[0]
    assert "data-filters" in seen.attributes("th")[0]


def test_names_and_captions_never_run(tmp_path):
    one = Table("leads", EVIL, pa.table({EVIL: [EVIL]}), (Column(EVIL, EVIL, bad=EVIL),), EVIL)
    assert nothing_runs(written(tmp_path, page_with(one)))
