"""The lines for a notebook, in the README and in docs/notebook.md, run as they stand there."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from data_contracts.scores import CHANCES

pytestmark = [
    pytest.mark.whole,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),  # MLflow, on its import
]

ROOT = Path(__file__).parents[2]


def blocks_of(page: str) -> list[str]:
    """The Python blocks of a page, in order."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def left(finished_run) -> dict[str, Any]:
    """What the blocks of docs/notebook.md leave behind, run in the folder of the finished run.

    Recipes are tried on a sample of its leads: here is shown that the lines run, not what they find.
    """
    import mlflow

    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished_run.folder)
        patch.setattr("models.select.SEARCH_ROWS", 4_000)
        for block in blocks_of("docs/notebook.md"):
            exec(block, found)  # noqa: S102  our own page
    mlflow.set_tracking_uri(None)
    return found


def test_the_readme_has_eight_lines_and_they_begin_the_page_about_notebooks():
    (block,) = blocks_of("README.md")
    assert len([line for line in block.splitlines() if line]) == 8
    assert block == blocks_of("docs/notebook.md")[0]


def test_a_model_of_ones_own_stands_beside_ours_with_a_difference_and_a_plot(left):
    for age in left["compared"].ages:
        assert [model.model for model in age.evaluation.models][1:] == ["base_rate_by_age", "boosting"]
        assert all(difference.low < difference.high for difference in age.differences)
    assert left["compared"].ages[1].evaluation.model.log_loss == left["ours"].summary.at_all_ages.model.log_loss
    assert isinstance(left["compared"].plot(), Figure)


def test_trainings_come_as_a_frame_without_what_stands_below_them(left):
    (training,) = left["trainings"].to_dict("records")
    assert training["tags.mlflow.runName"].split()[1] == f"{training['metrics.mql_to_sql/all_ages/gain']:+.3f}"


def test_every_open_lead_comes_with_its_features(left):
    frame = left["frame"]
    assert len(frame) > 50
    assert frame["lead_id"].is_unique
    assert frame["n_pricing_view_7d"].dtype == "float64"
    assert isinstance(frame["current_stage"].dtype, pd.StringDtype)
    assert frame["days_in_stage"].min() >= 0


def test_mlflow_gives_the_probabilities_that_scoring_wrote(left, finished_run):
    frame, chances = left["frame"], left["chances"]
    scored = pd.read_parquet(finished_run.folder / finished_run.settings.store.folder / "scored_leads")
    both = frame[["lead_id"]].join(chances).merge(scored, on="lead_id", suffixes=("", "_scored"))
    assert len(both) == len(frame) == len(scored)
    for name in CHANCES:
        assert np.array_equal(both[name], both[f"{name}_scored"])
    assert left["release"].manifest.release_id == scored["release_id"].iloc[0]
