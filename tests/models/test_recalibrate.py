"""Level and slope are mended where later outcomes ask for it, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data_contracts.errors import TooFewOutcomesError
from data_contracts.snapshots import LabelledTable
from models.calibration import curve_interval
from models.fitted import FittedTransition
from models.recalibrate import LEAST_OUTCOMES, recalibrated, rows_since
from models.split import learning_rows
from models.train import fit_on

pytestmark = pytest.mark.whole

FIT_BOUNDARIES = (0.8, 0.6, 0.4)


@pytest.fixture(scope="module")
def since(table: LabelledTable) -> pd.Timestamp:
    """The middle of the history: what comes later is new to the model."""
    return table.frame["as_of"].median()


@pytest.fixture(scope="module")
def trained(table: LabelledTable, since: pd.Timestamp) -> FittedTransition:
    rows = learning_rows(table)
    return fit_on(table, rows[rows["outcome_known_at"] < since])


def drifted(table: LabelledTable, trained: FittedTransition, *, since: pd.Timestamp, level: float, slope: float = 1.0):
    """`table`, in which leads that enter from `since` on convert as `level + slope * log-odds` says."""
    random = np.random.default_rng(0)
    frame = table.frame.copy()
    is_new = frame["lead_id"].isin(rows_since(table, since)["lead_id"])
    leads = frame[is_new].drop_duplicates("lead_id")
    p = expit(level + slope * logit(trained.predict(leads)))
    converted = pd.Series(random.random(len(leads)) < p, index=leads["lead_id"])
    frame.loc[is_new, "converted"] = frame.loc[is_new, "lead_id"].map(converted).astype(bool)
    return replace(table, frame=frame)


def mend(trained: FittedTransition, table: LabelledTable, since: pd.Timestamp) -> FittedTransition:
    return recalibrated(trained, table, since=since, fit_boundaries=FIT_BOUNDARIES)


def test_a_level_that_moved_is_followed(table, trained, since) -> None:
    moved = drifted(table, trained, since=since, level=0.8)
    told = mend(trained, moved, since).summary.recalibration
    assert told.mend == "level"
    assert told.slope == 1.0
    assert told.intercept == pytest.approx(0.8, abs=0.25)
    assert told.intercept_before.low > 0
    assert told.gain.low > 0


def test_a_mend_is_judged_on_accounts_that_took_no_part_in_it(table, trained, since) -> None:
    """On the rows that it was learnt from, a level would leave nothing between what is said and what comes."""
    told = mend(trained, drifted(table, trained, since=since, level=0.8), since).summary.recalibration
    assert 1e-6 < abs(told.intercept_after.value) < 0.05


def test_probabilities_that_became_too_certain_are_drawn_in(table, trained, since) -> None:
    moved = drifted(table, trained, since=since, level=-0.3, slope=0.4)
    made = mend(trained, moved, since)
    told, frame = made.summary.recalibration, table.frame.head(500)
    assert told.mend == "level_and_slope"
    assert told.slope == pytest.approx(0.4, abs=0.2)
    assert told.slope_before.high < 1
    assert logit(made.predict(frame)) == pytest.approx(told.intercept + told.slope * logit(trained.predict(frame)))


def test_a_mend_never_turns_the_ranking_round(table, trained, since) -> None:
    """The likelier a lead was said to be, the less often it converts now."""
    made = mend(trained, drifted(table, trained, since=since, level=0.0, slope=-1.0), since)
    before, after = trained.predict(table.frame), made.predict(table.frame)
    assert made.summary.recalibration.slope > 0
    assert (np.diff(after[np.argsort(before)]) >= 0).all()


def test_leads_of_a_few_accounts_are_too_few(table, trained, since) -> None:
    frame = table.frame.assign(group_id="A" + (table.frame["lead_id"].str[-1].astype(int) % 3).astype(str))
    with pytest.raises(TooFewOutcomesError, match=r"3 accounts of either outcome.*20 are needed"):
        mend(trained, replace(table, frame=frame), since)


def test_nothing_is_mended_where_nothing_moved(table, trained, since) -> None:
    made = mend(trained, drifted(table, trained, since=since, level=0.0), since)
    told = made.summary.recalibration
    assert (told.mend, told.intercept, told.slope, told.gain.value) == ("none", 0.0, 1.0, 0.0)
    assert (made.predict(table.frame) == trained.predict(table.frame)).all()


def test_leads_get_mended_probabilities_in_the_same_order_and_for_the_same_reasons(table, trained, since) -> None:
    made = mend(trained, drifted(table, trained, since=since, level=0.8), since)
    told, frame = made.summary.recalibration, table.frame.head(500)
    before, after = trained.predict(frame), made.predict(frame)
    assert logit(after) == pytest.approx(told.intercept + told.slope * logit(before))
    asked = np.ones(len(frame), dtype=bool)
    assert (made.predicted(frame, asked=asked).probability == after).all()
    pd.testing.assert_frame_equal(made.contributions(frame), trained.contributions(frame))


def test_what_came_at_a_probability_is_told_of_the_mended_one(table, trained, since) -> None:
    made = mend(trained, drifted(table, trained, since=since, level=0.8), since)
    low, high = curve_interval(made.summary.calibration.curve, np.array([0.3]))
    assert low[0] < 0.3 < high[0]
    assert made.summary.calibration.curve.n_leads == made.summary.recalibration.n_leads


def test_a_second_mend_replaces_the_first(table, trained, since) -> None:
    moved = drifted(table, trained, since=since, level=0.8)
    once = mend(trained, moved, since)
    assert mend(once, moved, since).summary.recalibration == once.summary.recalibration


def test_leads_that_entered_before_the_extract_take_no_part(table, since) -> None:
    rows = rows_since(table, since)
    entries = table.frame.loc[table.frame["day"] == 0].set_index("lead_id")["as_of"]
    assert (entries[rows["lead_id"].unique()] >= since).all()
    assert rows["lead_id"].nunique() == (learning_rows(table).query("day == 0")["as_of"] >= since).sum()


def test_too_few_outcomes_are_refused_with_both_numbers(table, trained) -> None:
    late = learning_rows(table)["as_of"].max() - pd.Timedelta(days=3)
    with pytest.raises(TooFewOutcomesError, match=f"entering since the release's extract.*{LEAST_OUTCOMES} are needed"):
        mend(trained, table, late)
