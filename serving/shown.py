"""Single values for reading."""

import datetime as dt
from math import isnan

import pandas as pd

MISSING = "–"


def shown(value: object) -> str:
    """`value` for reading: times to the minute, floats with four digits, `MISSING` for what is not there.

    >>> shown(dt.datetime(2026, 5, 1, 6)), shown(0.123456), shown(True), shown(float("nan"))
    ('2026-05-01 06:00', '0.1235', 'yes', '–')
    """
    if value is None or value == "" or value is pd.NaT or (isinstance(value, float) and isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
