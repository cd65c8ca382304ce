"""What came of later leads, by the probability they were given and by what they are."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from data_contracts.calibration import Calibration, CalibrationGroup
from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.calibration import LEAST_LEADS, MOST_VALUES, N_POINTS, backtest_groups, calibration_of, curve_interval
from models.metrics import Prediction

COLUMNS = (
    FeatureColumn("source", "category", "funnel", Attribute("where it came from"), "not recorded"),
    FeatureColumn("title", "text", "attributes", Attribute("job title"), "not known"),
    FeatureColumn("visits", "number", "behaviour", Attribute("visits", "visits"), "none recorded"),
)
FIT_BOUNDARIES = (0.8, 0.6, 0.4)

Share = Callable[[np.ndarray], np.ndarray]
"""What share converts of the leads that are given a probability."""


def judged_rows(n: int = 2_000, *, observed: Share = lambda p: p, seed: int = 0, leads_per_account: int = 2):
    """Leads at their entry with the probability each is given; outcomes are drawn from `observed`."""
    random = np.random.default_rng(seed)
    p = expit(random.normal(-1.0, 1.2, n))
    source = random.choice(["search", "event", "partner"], n)
    rows = pd.DataFrame(
        {
            "lead_id": [f"L{i}" for i in range(n)],
            "group_id": [f"A{i // leads_per_account}" for i in range(n)],
            "as_of": dt.datetime(2026, 1, 1) + pd.to_timedelta(np.linspace(0, 89, n), unit="D"),
            "day": 0,
            "weight": 1.0,
            "source": pd.array(source, dtype=pd.StringDtype(na_value=np.nan)),
            "title": "head",
            "icp_fit_share": random.integers(0, 6, n) / 5,
            "converted": random.random(n) < observed(p),
        }
    )
    return rows, p


def told(rows: pd.DataFrame, p: np.ndarray, *, model: str = "lightgbm", graded: bool = True) -> Calibration:
    boundaries = FIT_BOUNDARIES if graded else None
    return calibration_of(rows, Prediction(model, p, p), columns=COLUMNS, fit_boundaries=boundaries, seed=0)


def groups(calibration: Calibration, by: str) -> dict[str, CalibrationGroup]:
    return {group.value: group for group in calibration.groups if group.by == by}


def test_the_curve_goes_from_the_least_to_the_greatest_probability_within_its_interval():
    rows, p = judged_rows()
    curve = told(rows, p).curve
    assert len(curve.probability) == N_POINTS
    assert (curve.probability[0], curve.probability[-1]) == pytest.approx((p.min(), p.max()))
    assert curve.n_leads == 2_000
    ends = np.array([curve.low, curve.observed, curve.high])
    assert (np.diff(ends, axis=0) >= 0).all()
    assert ((ends > 0) & (ends < 1)).all()


def test_the_curve_shows_probabilities_that_are_too_certain():
    """A lead given 97 % converts with the probability that half its log-odds stand for."""
    rows, p = judged_rows(4_000, observed=lambda p: expit(0.5 * logit(p)))
    low, high = curve_interval(told(rows, p).curve, np.array([0.9]))
    assert low[0] < expit(0.5 * logit(0.9)) < high[0] < 0.9


@pytest.mark.slow
def test_intervals_of_the_curve_hold_what_truly_converts_in_about_95_of_100_worlds():
    at = np.array([0.05, 0.2, 0.5, 0.8])
    holds = []
    for seed in range(100):
        rows, p = judged_rows(1_200, observed=lambda p: expit(0.8 * logit(p) - 0.3), seed=seed)
        low, high = curve_interval(told(rows, p, graded=False).curve, at)
        truth = expit(0.8 * logit(at) - 0.3)
        holds.append((low <= truth) & (truth <= high))
    assert np.mean(holds, axis=0) == pytest.approx(0.95, abs=0.05)


def test_leads_of_one_account_count_as_one_observation():
    rows, p = judged_rows()
    many, same = pd.concat([rows] * 4), np.tile(p, 4)
    once, four_times = told(rows, p).curve, told(many, same).curve
    assert four_times.low == pytest.approx(once.low, rel=0.02), "copies of a lead tell nothing new"


def test_of_the_base_rate_by_age_the_level_alone_is_free():
    """All leads get one of two rates; twice as many converted, in odds."""
    rows, _ = judged_rows(4_000, observed=lambda p: np.full(len(p), 0.3))
    rate = np.where(np.arange(4_000) % 2, 0.15, 0.2)
    low, high = curve_interval(told(rows, rate, model="base_rate_by_age").curve, np.array([0.15, 0.2]))
    assert (low > rate[[1, 0]]).all()
    assert ((high - low) < 0.05).all()


def test_a_group_whose_probabilities_are_off_is_found_and_the_others_are_not():
    rows, p = judged_rows(6_000)
    too_high = np.where(rows["source"] == "event", expit(logit(p) + 0.7), p)
    found = groups(told(rows, too_high), "source")
    assert {value for value, group in found.items() if group.is_off} == {"event"}
    event = found["event"]
    assert event.excess.value == pytest.approx(event.predicted - event.observed)
    assert event.observed == pytest.approx(rows.loc[rows["source"] == "event", "converted"].mean())
    assert event.n_leads == (rows["source"] == "event").sum()


def test_leads_are_parted_by_day_month_grade_and_category_and_by_no_text():
    rows, p = judged_rows()
    found = told(rows, p)
    assert {group.by for group in found.groups} == {"day", "month", "grade", "source"}
    assert list(groups(found, "month")) == ["2026-01", "2026-02", "2026-03"]
    assert set(groups(found, "grade")) <= {f"{letter}{digit}" for letter in "ABCD" for digit in "1234"}


def test_probabilities_that_grade_nobody_are_not_parted_by_grade():
    rows, p = judged_rows()
    assert groups(told(rows, p, graded=False), "grade") == {}


def test_small_groups_are_left_out_and_only_the_most_frequent_values_are_shown():
    rows, p = judged_rows(4_000)
    names = np.array([f"campaign {i:02d}" for i in range(20)])
    rows["source"] = pd.array(names[np.arange(4_000) % 20], dtype=pd.StringDtype(na_value=np.nan))
    assert len(groups(told(rows, p), "source")) == MOST_VALUES
    few = rows.head(20 * (LEAST_LEADS - 1))
    assert groups(told(few, p[: len(few)]), "source") == {}


def test_a_group_where_nobody_converted_is_not_called_off():
    """Of 50 leads that are given 4 % each, none converts in one world out of eight."""
    rows, p = judged_rows()
    rows.loc[rows["source"] == "event", "converted"] = False
    assert set(groups(told(rows, p), "source")) == {"search", "partner"}


def test_a_missing_value_makes_no_group():
    rows, p = judged_rows()
    rows.loc[rows["source"] == "event", "source"] = None
    assert set(groups(told(rows, p), "source")) == {"search", "partner"}


def test_a_groups_gain_is_the_mean_log_loss_of_the_reference_less_that_of_the_probabilities():
    rows, p = judged_rows()
    reference = np.full(len(p), rows["converted"].mean())
    found = backtest_groups(rows, p, reference=reference, columns=COLUMNS, fit_boundaries=FIT_BOUNDARIES, seed=0)
    plain = {(group.by, group.value): group for group in told(rows, p).groups}
    assert {(group.by, group.value) for group in found} == set(plain)
    event = next(group for group in found if group.value == "event")
    assert event.excess == plain["source", "event"].excess
    is_in = (rows["source"] == "event").to_numpy()
    theirs, ours = (log_loss(rows["converted"][is_in], of[is_in]) for of in (reference, p))
    assert event.gain.value == pytest.approx(theirs - ours)
    assert 0 < event.gain.low < event.gain.value < event.gain.high
