import datetime as dt

import numpy as np
import pandas as pd

from models.chain_select import choose_calibrator, is_worth_a_try
from tests.models.test_win_calibrator import leads

FROM = dt.datetime(2025, 1, 1)


def over_a_year(rows: pd.DataFrame) -> pd.DataFrame:
    as_of = FROM + pd.to_timedelta(np.linspace(0, 365, len(rows)), unit="D").floor("s")
    known = {"contacted_after_days": 0.0, "converted_after_days": 30.0}
    return rows.assign(as_of=as_of, outcome_known_at=as_of + pd.Timedelta(days=60), day=0, **known)


def test_a_product_that_means_what_it_says_keeps_no_calibrator():
    assert choose_calibrator(over_a_year(leads(1_500, seed=3))) == "none"


def test_a_level_that_is_off_is_mended_without_age():
    assert choose_calibrator(over_a_year(leads(3_000, intercept=1.2))) in ("sigmoid", "beta")


def test_a_level_that_is_off_with_age_is_mended_by_age():
    assert choose_calibrator(over_a_year(leads(3_000, intercept=1.2, by_age=-0.6))) == "sigmoid_by_age"


def test_an_error_that_does_not_last_mends_nothing():
    """All wins of the first months are missed by the product, and none later: what was learnt then misleads."""
    early, late = leads(900, intercept=1.5, seed=1), leads(2_100, intercept=0.0, seed=2)
    rows = pd.concat([early, late.assign(lead_id=late["lead_id"] + 900, group_id=late["group_id"] + 900)])
    assert choose_calibrator(over_a_year(rows.reset_index(drop=True))) == "none"


def test_a_history_too_short_to_look_forward_is_chosen_by_other_accounts():
    rows = over_a_year(leads(3_000, intercept=1.2))
    assert choose_calibrator(rows.assign(outcome_known_at=rows["as_of"].max())) in ("sigmoid", "beta")


def test_too_few_wins_are_not_worth_a_try():
    rows = leads(2_000)
    assert is_worth_a_try(rows)
    assert not is_worth_a_try(rows.assign(converted=rows["converted"] & (rows["converted"].cumsum() <= 49)))
