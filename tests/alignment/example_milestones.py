"""Milestones without a history: many leads at once, for what is computed from milestones alone."""

import datetime as dt

import numpy as np
import pandas as pd

from alignment.milestones import Milestones

START = dt.datetime(2025, 1, 1)
TIMES = ("lead_at", "mql_at", "sal_at", "sql_at", "opportunity_at", "customer_at", "sales_ready_at", "stands_since")


def milestones(frame, *, settings, as_of):
    """Of a frame that may leave out columns: leads without an account, settled, that nobody touched."""
    frame = frame.reset_index(drop=True)
    times = {name: frame.get(name, pd.Series(pd.NaT, index=frame.index)).astype("datetime64[us]") for name in TIMES}
    shown = {name.replace("_at", "_shown_at"): time for name, time in times.items() if name.endswith("_at")}
    shown["sal_shown_at"] = pd.Series(pd.NaT, index=frame.index).astype("datetime64[us]")
    ids = pd.Series([f"L{n:06d}" for n in frame.index], dtype=object)
    told = {
        "lead_id": ids,
        "account_id": frame.get("account_id", ids),
        "stands": frame.get("stands", pd.Series("mql", index=frame.index)),
        "is_unsettled": frame.get("is_unsettled", pd.Series(False, index=frame.index)),
    }
    return Milestones(pd.DataFrame(told | times | shown), as_of, settings, "2026.1")


def no_deals():
    """What `deals_of` gives for a CRM without deals."""
    return pd.DataFrame(
        {
            "opportunity_id": pd.Series(dtype=object),
            "amount": pd.Series(dtype="float64"),
            "created_at": pd.Series(dtype="datetime64[us]"),
            "outcome": pd.Series(dtype=object),
            "lead_row": pd.Series(dtype="int64"),
            "closed_at": pd.Series(dtype="datetime64[us]"),
        }
    )


def days_after(start, days):
    """`start` (a moment or a column of them) plus so many days; missing where `days` is NaN."""
    return pd.Series(start + pd.to_timedelta(pd.Series(days), unit="D"))


def funnel_frame(n, *, seed, n_days=700, p_sql=0.4, p_win=0.5, p_in_time=0.5, late_share=1.0):
    """`n` MQLs over `n_days`, of which a share becomes SQL within weeks, and of these a share is won within months.

    Those that are not answered in time become SQL `late_share` times as often.
    """
    random = np.random.default_rng(seed)
    mql_at = pd.Series(pd.Timestamp(START) + pd.to_timedelta(random.uniform(0, n_days, n), unit="D"))
    in_time = random.random(n) < p_in_time
    is_sql = random.random(n) < np.where(in_time, p_sql, p_sql * late_share)
    touched = days_after(mql_at, np.where(in_time, 0.01, np.nan))
    sql_at = days_after(mql_at, np.where(is_sql, 1 + 20 * random.random(n), np.nan))
    is_won = is_sql & (random.random(n) < p_win)
    won_at = days_after(sql_at, np.where(is_won, 80 * random.random(n), np.nan))
    lost_at = days_after(sql_at, np.where(is_sql & ~is_won, 80 * random.random(n), np.nan))
    return pd.DataFrame(
        {
            "account_id": [f"A{number}" for number in random.integers(0, max(n // 3, 1), n)],
            "lead_at": mql_at,
            "mql_at": mql_at,
            "sal_at": touched.fillna(sql_at),
            "sql_at": sql_at,
            "customer_at": won_at,
            "stands": np.where(is_won, "won", np.where(is_sql, "lost", "mql")),
            "stands_since": won_at.fillna(lost_at).fillna(mql_at),
        }
    )
