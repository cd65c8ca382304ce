"""Rows by period and group, as tables of cohorts count them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from alignment.grouped import groups_of
from alignment.intervals import Integers
from alignment.milestones import Milestones
from data_contracts.metrics.periods import Period, Span
from features.known import MICROSECONDS_PER_DAY

GROUP, JACKKNIFE_GROUP, COHORT = "group", "jackknife_group", "cohort"


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The rows of one cohort and group.

    Attributes
    ----------
    cohort
        The local day on which the period begins.
    group
        None where all are counted, or nothing is known of them.
    """

    cohort: dt.datetime
    group: str | None
    rows: pd.DataFrame

    def is_mature(self, every: Period, *, days: int, milestones: Milestones) -> bool:
        """Whether so many `days` have passed for whatever came to pass in the period."""
        ends_at = Span.of(every, self.cohort.date(), time_zone=milestones.time_zone).end_at
        return ends_at + dt.timedelta(days=days) <= milestones.as_of


def beside_leads(rows: pd.DataFrame, milestones: Milestones, *, columns: Sequence[str], by: str = "") -> pd.DataFrame:
    """`rows` of `lead_id` with `columns` of their leads, their `group` and their `jackknife_group`.

    Rows of leads that `milestones` does not have are left out. The group is empty where nothing is known or asked: a
    segment may bear the name of any column, so it is taken along as the group alone.
    """
    told = {
        GROUP: groups_of(milestones, by),
        JACKKNIFE_GROUP: pd.Series(milestones.groups, index=milestones.frame.index),
    }
    leads = milestones.frame[["lead_id", *columns]].assign(**told)
    return rows.merge(leads.astype({"lead_id": rows["lead_id"].dtype}), on="lead_id")


def cells_of(rows: pd.DataFrame, moments: pd.Series, *, every: Period, milestones: Milestones) -> Iterator[Cell]:
    """`rows` by the period of their `moments` and by their group: the earliest first, those of no group last."""
    cohorts = every.starts(moments, time_zone=milestones.time_zone)
    grouped = dict(list(rows.assign(**{COHORT: cohorts}).groupby([COHORT, GROUP], sort=False)))
    cells = cast("dict[tuple[pd.Timestamp, str], pd.DataFrame]", grouped)
    for cohort, group in sorted(cells, key=lambda cell: (cell[0], cell[1] == "", cell[1])):
        yield Cell(cohort.to_pydatetime(), group or None, cells[cohort, group])


def whole_days(spans: pd.Series) -> Integers:
    """Whole days of each span, rounded down, and at least 0."""
    microseconds = spans.astype("timedelta64[us]").to_numpy().astype(np.int64)
    return np.asarray(np.maximum(microseconds // MICROSECONDS_PER_DAY, 0))
