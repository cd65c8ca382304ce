"""What models that knew nothing of a week say of the leads in it, and the boundaries that were chosen before it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.amounts import AmountModel
from data_contracts.errors import TooFewOutcomesError
from data_contracts.past_scores import AMOUNT, P_FIRST, PastScores
from data_contracts.policy import Policy
from data_contracts.scores import P_WIN
from data_contracts.snapshots import SUPPRESSED_BY, TEAM, LabelledTable
from data_contracts.vocabulary import Transition
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fitted import FittedTransition
from models.past_scores import later_scores, past_scores
from models.split import as_it_stood, learning_rows
from models.thresholds import PAST_WEEKS, ReleaseScores, choose_thresholds, ranking_value
from models.train import LEAST_OUTCOMES

VALUE, BOUNDARY = "ranking_value", "boundary"
"""The columns of what leads are ranked by, and of the boundary of their team in that week."""


@dataclass(frozen=True, eq=False)
class Training:
    """What was known when models were made anew.

    Attributes
    ----------
    tables
        By transition, of a history that ends at the training.
    amounts
        What a win was expected to bring, as it was known then.
    """

    tables: Mapping[Transition, LabelledTable]
    amounts: AmountModel

    @property
    def at(self) -> dt.datetime:
        """When it was (UTC, naive)."""
        return max(table.extracted_at for table in self.tables.values())


@dataclass(frozen=True, eq=False)
class TrainedScores:
    """What the models of one training say: of leads before it by models of other accounts, of later ones directly.

    Attributes
    ----------
    frame
        The columns of `PastScores.frame`, `snapshot_id`, `team`, `suppressed_by`.
    """

    at: dt.datetime
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Week:
    """A week of the past: its first and last moment (UTC, naive), and all leads as they were routed at the first.

    `leads` is what `choose_thresholds` takes.
    """

    begins: dt.datetime
    ends: dt.datetime
    leads: pd.DataFrame


def trained_scores(
    asked: pd.DataFrame,
    training: Training,
    fitted: Mapping[Transition, FittedTransition],
    *,
    until: dt.datetime,
) -> TrainedScores:
    """What models made at `training`, by the recipes of `fitted`, say of `asked`.

    Those of the `PAST_WEEKS` before it serve thresholds, so no model has seen their accounts. Those after it, up to
    `until`, are scored as they would have been.
    """
    since = training.at - dt.timedelta(weeks=PAST_WEEKS)
    before = asked[(asked["as_of"] > since) & (asked["as_of"] <= training.at)]
    after = asked[(asked["as_of"] > training.at) & (asked["as_of"] <= until)]
    said = [
        past_scores(before, training.tables, fitted, chain=None, amounts=training.amounts).frame,
        later_scores(after, training.tables, fitted, amounts=training.amounts),
    ]
    rows = pd.concat([before, after], ignore_index=True)[["snapshot_id", TEAM, SUPPRESSED_BY]]
    return TrainedScores(training.at, pd.concat(said, ignore_index=True).join(rows))


def scores_by_week(
    trained: Iterable[TrainedScores], weeks: Iterable[Week], *, policy: Policy, sampled_share: float
) -> pd.DataFrame:
    """Each moment with what was said of it, and with the boundary that held in its week.

    A week is scored by the last training before it, and its thresholds are chosen on that training's scores of leads
    up to its first moment. The `PAST_WEEKS` before the first week are there as well, under the boundary of the first.

    Returns
    -------
    DataFrame
        `snapshot_id`, `p_first`, `ranking_value`, `boundary` (missing where the lead belongs to no team), and `week`:
        0 is the first, those before are below 0.
    """
    by_time = sorted(trained, key=lambda one: one.at)
    found = []
    for number, week in enumerate(weeks):
        last = [one for one in by_time if one.at <= week.begins][-1]
        boundaries = _boundaries(last, week, policy=policy, sampled_share=sampled_share)
        since = last.at - dt.timedelta(weeks=PAST_WEEKS) if number == 0 else week.begins
        rows = last.frame[(last.frame["as_of"] > since) & (last.frame["as_of"] <= week.ends)]
        ago = np.ceil((rows["as_of"] - week.begins) / pd.Timedelta(weeks=1)).astype(np.int64) - 1
        value = _values(rows, policy=policy)
        boundary = rows[TEAM].map(boundaries).to_numpy(dtype=np.float64)
        told = rows[["snapshot_id", P_FIRST]].assign(**{VALUE: value, BOUNDARY: boundary})
        found.append(told.assign(week=number + ago))
    return pd.concat(found, ignore_index=True)


def refuse_too_few(tables: Mapping[Transition, LabelledTable], *, hint: str) -> None:
    """Raise `TooFewOutcomesError`, which says `hint`, where too little was known to learn a transition from."""
    for transition, table in tables.items():
        known = evidence_of(learning_rows(table))
        for what, found, least in (
            ("leads that converted", known.n_converted, LEAST_OUTCOMES),
            ("leads that did not convert", known.n_not_converted, LEAST_OUTCOMES),
            ("accounts of either outcome", known.n_accounts, LEAST_ACCOUNTS),
        ):
            if found < least:
                day = f"{table.extracted_at:%Y-%m-%d}"
                raise TooFewOutcomesError(
                    transition, what=f"{what} by {day}, where the weeks begin,", found=found, needed=least, hint=hint
                )


def possible_weeks(tables: Mapping[Transition, LabelledTable], *, until: dt.datetime, fewer_than: int) -> int:
    """The most weeks below `fewer_than` that can end at `until` after enough was known to learn from; 0 where none.

    `tables` are of a history that ends at `until`.
    """
    rows = {transition: learning_rows(table) for transition, table in tables.items()}
    for weeks in range(fewer_than - 1, 0, -1):
        begins = until - dt.timedelta(weeks=weeks)
        if all(_is_enough(as_it_stood(known, begins)) for known in rows.values()):
            return weeks
    return 0


def _is_enough(rows: pd.DataFrame) -> bool:
    known = evidence_of(rows)
    return known.n_rarer >= LEAST_OUTCOMES and known.n_accounts >= LEAST_ACCOUNTS


def _boundaries(last: TrainedScores, week: Week, *, policy: Policy, sampled_share: float) -> dict[str, float]:
    """The boundary of each team, chosen on what was known when `week` begins."""
    known = PastScores(last.frame[last.frame["as_of"] <= week.begins], sampled_share)
    asked = ReleaseScores(
        release_id="",
        past=known,
        has_sqls=False,
        data_fingerprint="",
        until=week.begins,
    )
    return choose_thresholds(asked, week.leads, policy=policy).boundaries


def _values(rows: pd.DataFrame, *, policy: Policy) -> npt.NDArray[np.float64]:
    first, win, amount = (rows[name].to_numpy() for name in (P_FIRST, P_WIN, AMOUNT))
    return ranking_value(first, win, policy=policy, amount=amount)
