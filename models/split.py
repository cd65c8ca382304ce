"""Who is learnt from and who is judged on: later leads, a horizon apart, wherever history is long enough for it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY
from models.evidence import LEAST_ACCOUNTS, evidence_of, n_so_far

SECONDS_PER_DAY = 86_400

TEST_SHARE = 0.25
"""Share of the labelled leads, the latest to enter the stage, that are kept for the test unless a date is given."""

MOST_ROWS = 200_000
"""Labelled snapshots that are learnt from and judged on. More would take memory and hours and move probabilities by
less than a new season does; a random sample of accounts stands for them."""

MOST_FOLDS = 4
LEAST_TRAIN_SHARE = 0.3
"""The first validation begins when the outcomes of this share of the leads are known."""

LEAST_KNOWN_OUTCOMES = 40
"""Leads that converted, and as many that did not, known before the first validation begins."""

LEAST_FOLD_OUTCOMES = 25
"""Leads that converted, and as many that did not, that a validation fold has on average."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to learn from and rows to choose by. No lead has rows in both."""

    train: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Split(Fold):
    """Rows to learn from and later rows to judge on. No lead has rows in both.

    A lead is an earlier one if the outcome of its first snapshot was known at `test_from`, otherwise a later one.

    Attributes
    ----------
    train
        Rows whose outcome was known at `test_from`, as it stood then (`as_it_stood`).
    test
        Rows from `test_from` on, of later leads: all leads that entered from then on, and those that were still open.
        Their outcomes are as recorded at the end of the `rows` that were split.

    Notes
    -----
    An account that comes up again in the test stays in training with what was known of it, as it will when the model
    is at work. Without it, a business whose accounts keep coming back would have nothing to learn from.

    Do not leave out of training the leads that have a row in the test: those were still open then, most of them because
    they did not convert.
    """

    test_from: dt.datetime


def learning_rows(table: LabelledTable, *, most_rows: int = MOST_ROWS) -> pd.DataFrame:
    """The labelled rows of `table`; where there are more than `most_rows`, those of a random sample of accounts."""
    return sampled(table.labelled(), most_rows=most_rows)


def at_day(rows: pd.DataFrame, day: int | None) -> pd.DataFrame:
    """The rows of one day of the plan, each weighing 1; all of them with their own weights where `day` is None."""
    return rows if day is None else rows[rows["day"] == day].assign(weight=1.0)


def latest(rows: pd.DataFrame, *, days: float) -> pd.DataFrame:
    """The rows no more than `days` before the last one."""
    return rows[days_until(rows["as_of"].max().to_pydatetime(), rows) <= days]


def converted_or_not(rows: pd.DataFrame) -> np.ndarray:
    """1 for each row that converted, otherwise 0."""
    return rows["converted"].to_numpy(dtype=np.int64)


def default_test_from(rows: pd.DataFrame) -> dt.datetime:
    """The midnight (UTC) after which about the last `TEST_SHARE` of the labelled leads entered the stage."""
    entered = at_day(rows, ENTRY)["as_of"].sort_values()
    return _midnight(entered.iloc[int((1 - TEST_SHARE) * (len(entered) - 1))])


def days_until(moment: dt.datetime, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The days from each snapshot to `moment`."""
    return np.asarray((moment - rows["as_of"]).dt.total_seconds() / SECONDS_PER_DAY, dtype=np.float64)


def as_it_stood(rows: pd.DataFrame, moment: dt.datetime) -> pd.DataFrame:
    """The labelled rows whose horizon had passed at `moment`, with the outcome that had been recorded before it.

    | before `moment` it was recorded that | `converted` |
    |---|---|
    | the lead converted | true |
    | sales touched it, and no conversion | false, whatever was recorded since |
    | neither | the row is left out: nobody had called, as far as anybody knew |
    """
    mature = rows[rows["outcome_known_at"] <= moment]
    passed = days_until(moment, mature)
    has_converted = mature["converted"] & (mature["converted_after_days"] < passed)
    is_label = has_converted | (mature["contacted_after_days"] < passed)
    return mature.assign(converted=has_converted)[is_label]


def split_at(rows: pd.DataFrame, test_from: dt.datetime, *, test_until: dt.datetime | None = None) -> Split:
    """`rows` split in time order: the test is `test_from <= as_of < test_until` (to the end where that is None)."""
    is_later = rows.groupby("lead_id")["outcome_known_at"].transform("min") > test_from
    is_before_end = True if test_until is None else rows["as_of"] < test_until
    return Split(
        train=as_it_stood(rows, test_from),
        test=rows[is_later & is_before_end & (rows["as_of"] >= test_from)],
        test_from=test_from,
    )


def forward_folds(rows: pd.DataFrame) -> tuple[Split, ...]:
    """Validation folds in time order, each learnt on what was known when it begins.

    They are up to `MOST_FOLDS` windows with equally many rows, from the first moment at which enough outcomes were
    known to the end. There are fewer where few leads converted, and none where history is too short to validate
    forward.
    """
    start = _first_validation(rows)
    if start is None:
        return ()
    later = rows[rows["as_of"] >= start]
    found = evidence_of(split_at(rows, start).test)
    n_folds = min(MOST_FOLDS, found.n_rarer // LEAST_FOLD_OUTCOMES)
    if n_folds == 0 or found.n_accounts < LEAST_ACCOUNTS:
        return ()
    starts = [start, *_cuts(later["as_of"].sort_values(), n_parts=n_folds)]
    folds = _windows(rows, starts=starts)
    return tuple(fold for fold in folds if len(fold.test) and evidence_of(fold.train).n_rarer >= LEAST_FOLD_OUTCOMES)


def grouped_folds(rows: pd.DataFrame) -> tuple[Fold, ...]:
    """`MOST_FOLDS` folds of whole accounts, whatever the time: for a history too short to validate forward.

    Each account is chosen by once, with the rows of all others to learn from. These may be later, so that what drifts
    shows less than it will.
    """
    dealt = StratifiedGroupKFold(MOST_FOLDS).split(rows, converted_or_not(rows), groups=rows["group_id"])
    return tuple(Fold(train=rows.iloc[train], test=rows.iloc[test]) for train, test in dealt)


def rolling_tests(rows: pd.DataFrame, *, n_folds: int) -> tuple[Split, ...]:
    """Test windows with about equally many leads each over the later half of the leads, each with what came before.

    They begin at midnight (UTC): `n_folds` of them, fewer where they would begin on the same day.
    """
    entered = at_day(rows, ENTRY)["as_of"].sort_values()
    later = entered.iloc[len(entered) // 2 :]
    starts = sorted({_midnight(moment) for moment in [later.iloc[0], *_cuts(later, n_parts=n_folds)]})
    return tuple(_windows(rows, starts=starts))


def sampled(rows: pd.DataFrame, *, most_rows: int) -> pd.DataFrame:
    """All rows of as many groups, drawn at random, as have no more than `most_rows`; always the same ones."""
    if len(rows) <= most_rows:
        return rows
    sizes = rows["group_id"].value_counts(sort=False).sort_index()
    drawn = sizes.sample(frac=1.0, random_state=0)
    return rows[rows["group_id"].isin(drawn.index[drawn.cumsum() <= most_rows])]


def _first_validation(rows: pd.DataFrame) -> dt.datetime | None:
    """The first moment at which the outcomes of enough leads were known; None where that never happens."""
    known = rows.sort_values("outcome_known_at", kind="stable")
    n_leads = n_so_far(known["lead_id"])
    n_converted = n_so_far(known["lead_id"].where(known["converted"].astype(bool)))
    is_enough = (
        (np.minimum(n_converted, n_leads - n_converted) >= LEAST_KNOWN_OUTCOMES)
        & (n_leads >= LEAST_TRAIN_SHARE * n_leads[-1])
        & (n_so_far(known["group_id"]) >= LEAST_ACCOUNTS)
    )
    if not is_enough.any():
        return None
    moment: pd.Timestamp = known["outcome_known_at"].iloc[int(is_enough.argmax())]
    return moment.to_pydatetime()


def _windows(rows: pd.DataFrame, *, starts: Sequence[dt.datetime]) -> Iterator[Split]:
    """A split for each of `starts`, whose test ends where the next one begins."""
    for start, until in zip(starts, [*starts[1:], None], strict=True):
        yield split_at(rows, start, test_until=until)


def _cuts(moments: pd.Series, *, n_parts: int) -> list[dt.datetime]:
    """The inner boundaries that part the sorted `moments` into `n_parts` of equal size; equal boundaries are one."""
    positions = (len(moments) * np.arange(1, n_parts) / n_parts).astype(np.int64)
    inner = moments.iloc[positions].drop_duplicates()
    return [cut.to_pydatetime() for cut in inner[inner > moments.iloc[0]]]


def _midnight(moment: dt.datetime) -> dt.datetime:
    return dt.datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 (all times are UTC without a zone)
