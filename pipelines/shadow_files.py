"""The shadow report and its lists as files of the store."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from data_contracts.disk import disk_errors
from data_contracts.errors import StoreError
from data_contracts.keeping import held, kept_folder
from data_contracts.shadow import ShadowReport
from data_contracts.spreadsheet import neutralised
from pipelines.store import Store
from serving.shadow import listed_leads
from serving.shadow_lists import HandOffs

REPORT, WEEKS, VERDICT = "report.json", "weeks.csv", "verdict.txt"


def write_shadow(store: Store, report: ShadowReport, handed: Sequence[HandOffs]) -> None:
    """Replace the report of before, in one step.

    | file | holds |
    |---|---|
    | `report.json`, `verdict.txt` | all figures; the verdict alone |
    | `leads_equal_volume.csv`, `leads_capacity.csv` | one row a lead that either side hands off, with its list |
    | `weeks.csv` | one row a week and terms |

    Raises `StoreError` where they cannot be written, `BusyError` where another run writes them: what stood before then
    stands.
    """
    with held(store.shadow, by="leadscore shadow"), disk_errors(store.shadow), kept_folder(store.shadow) as version:
        (version / REPORT).write_text(f"{report.model_dump_json(indent=2)}\n", encoding="utf-8")
        (version / VERDICT).write_text(f"{report.verdict}\n", encoding="utf-8")
        _write_csv(version / WEEKS, pd.DataFrame([week.model_dump() for week in report.weeks]))
        for one in handed:
            _write_csv(version / f"leads_{one.terms}.csv", listed_leads(one))


def read_shadow(store: Store) -> ShadowReport | None:
    """The report of the last comparison; None where there was none. Raises `StoreError` where it cannot be read."""
    path = store.shadow / REPORT
    try:
        return ShadowReport.model_validate_json(path.read_bytes()) if path.exists() else None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); run `leadscore shadow` again") from error


def _write_csv(path: Path, rows: pd.DataFrame) -> None:
    """`rows` as text, each cell that a spreadsheet would run as a formula neutralised."""
    cells: Mapping[str, pa.Array] = {name: neutralised(pa.array(_texts(rows[name]))) for name in rows.columns}
    pyarrow.csv.write_csv(pa.table(cells), path)


def _texts(column: pd.Series) -> list[str]:
    """Each value as text, empty where it is missing; a number with the digits that tell it."""
    return ["" if pd.isna(value) else f"{value:.10g}" if isinstance(value, float) else str(value) for value in column]
