"""The reference falls with age, follows the rate as it drifts, and adds no noise of its own where nothing drifts."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_contracts.releases import BaseRateByAge
from models.base_rate import LEVEL_DAYS, base_rate_at, fit_base_rate_by_age

FROM = dt.datetime(2025, 1, 1)


def rows(*, n: int = 4_000, share=lambda day, month: 0.3, days: tuple[int, ...] = (0,), seed: int = 0) -> pd.DataFrame:
    """`n` leads that enter over a year, seen on `days`; `share(day, month)` of them convert."""
    random = np.random.default_rng(seed)
    entered = np.sort(random.uniform(0, 365, n))
    parts = []
    for day in days:
        chance = np.array([share(day, int(at // 30)) for at in entered])
        parts.append(
            pd.DataFrame(
                {
                    "lead_id": [f"L{i}" for i in range(n)],
                    "group_id": [f"A{i}" for i in range(n)],
                    "as_of": FROM + pd.to_timedelta(entered + day, unit="D").floor("s"),
                    "day": day,
                    "days_in_stage": float(day),
                    "converted": random.random(n) < chance,
                    "weight": 1.0,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def at(rate: BaseRateByAge, *days: float) -> list[float]:
    return base_rate_at(rate, pd.DataFrame({"days_in_stage": list(days)})).tolist()


def test_the_rate_falls_with_age_as_the_leads_do():
    found = fit_base_rate_by_age(rows(days=(0, 7, 28), share=lambda day, month: {0: 0.3, 7: 0.2, 28: 0.05}[day]))
    assert found.from_days == (0.0, 5.0, 21.0)
    assert at(found, 0.0, 4.9, 7.0, 28.0, 400.0) == pytest.approx([0.3, 0.3, 0.2, 0.05, 0.05], abs=0.02)


def test_a_missing_age_counts_as_just_entered():
    found = fit_base_rate_by_age(rows(days=(0, 7), share=lambda day, month: 0.3 if day == 0 else 0.1))
    assert at(found, float("nan")) == at(found, 0.0)


def test_an_age_with_few_leads_shares_the_rate_of_the_one_before():
    many, few = rows(share=lambda day, month: 0.3), rows(n=99, days=(7,), share=lambda day, month: 0.9)
    assert fit_base_rate_by_age(pd.concat([many, few])).from_days == (0.0,)
    enough = rows(n=100, days=(7,), share=lambda day, month: 0.9)
    assert fit_base_rate_by_age(pd.concat([many, enough])).from_days == (0.0, 5.0)


def test_the_level_is_that_of_the_latest_period_where_the_rate_drifts():
    found = fit_base_rate_by_age(rows(share=lambda day, month: 0.1 + 0.04 * month))
    assert at(found, 0.0) == pytest.approx([0.1 + 0.04 * 11.5], abs=0.06)
    assert found.level_until - found.level_from >= dt.timedelta(days=LEVEL_DAYS)


def test_drift_moves_all_ages_by_the_same_odds():
    share = {0: (0.2, 0.4), 7: (0.05, 0.123)}  # odds 1/4 -> 2/3 and 1/19 -> 8/57: both times 8/3
    found = fit_base_rate_by_age(rows(n=8_000, days=(0, 7), share=lambda day, month: share[day][month >= 6]))
    assert at(found, 0.0, 7.0) == pytest.approx([0.4, 0.123], abs=0.03)


def test_without_drift_the_level_is_nearly_that_of_all_history():
    """Of 40 histories, the reference is nearer to the truth than the latest period alone."""
    errors = []
    for seed in range(40):
        history = rows(n=2_000, share=lambda day, month: 0.3, seed=seed)
        found = fit_base_rate_by_age(history)
        latest = history[history["as_of"] >= found.level_from]["converted"].mean()
        errors.append((abs(at(found, 0.0)[0] - 0.3), abs(latest - 0.3)))
    ours, lone = np.mean(errors, axis=0)
    assert ours < 0.6 * lone


def test_a_lone_period_is_the_level():
    found = fit_base_rate_by_age(rows(n=150, share=lambda day, month: 0.4))
    assert found.level_leads == 150


def test_one_outcome_only_leaves_the_level_as_it_is():
    found = fit_base_rate_by_age(rows(n=150, share=lambda day, month: 0.0))
    assert at(found, 0.0) == [pytest.approx(0.0, abs=1e-3)]
