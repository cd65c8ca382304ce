"""Our procedure in a process of its own: `python -m benchmarks.models.ours TASK_FOLDER ROW_SET OUT`.

It reads the files that `tasks.write_task` wrote, as the peers do, and writes a column `probability` to `OUT` and what
was chosen to `OUT` with the ending `.txt`.
"""

import datetime as dt
import json
import sys
from pathlib import Path
from typing import cast

import pandas as pd

from benchmarks.models.tasks import TASK_FILE, TEST_FILE, RowSet, young_file
from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import Transition
from models.train import fit_on


def read_table(folder: Path, row_set: RowSet) -> LabelledTable:
    """The labelled rows to learn from of the task in `folder` and the young ones, as our procedure takes them."""
    task = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
    columns = tuple(FeatureColumn(one["name"], one["type"], "", Attribute(one["name"]), "") for one in task["features"])
    return LabelledTable(
        transition=Transition(task["transition"]),
        horizon_days=task["horizon_days"],
        frame=pd.concat([pd.read_parquet(folder / name) for name in (f"{row_set}.parquet", young_file(row_set))]),
        columns=columns,
        catalogue_digest="",
        counts={},
        extracted_at=dt.datetime.fromisoformat(task["known_at"]),
    )


def main(arguments: list[str]) -> None:
    """Choose and fit on the training rows, and predict the test rows."""
    folder, row_set, out = Path(arguments[0]), cast(RowSet, arguments[1]), Path(arguments[2])
    table = read_table(folder, row_set)
    fitted = fit_on(table, pd.read_parquet(folder / f"{row_set}.parquet"))
    probability = fitted.predict(pd.read_parquet(folder / TEST_FILE))
    pd.DataFrame({"probability": probability}).to_parquet(out, index=False)
    chosen = next(candidate for candidate in fitted.summary.candidates if candidate.is_chosen)
    parameters = ", ".join(f"{name} {value}" for name, value in chosen.parameters.items())
    calibrated = f"calibrator {fitted.summary.calibrator}, chosen by {fitted.summary.validation} folds"
    out.with_suffix(".txt").write_text(f"{chosen.estimator}, {parameters}, {calibrated}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
