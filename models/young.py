"""Young leads: what is known of leads whose horizon has not passed yet, so that it does not mislead.

Of young leads, the quick conversions are known and the slow ones are not. Taken as they are, the quick ones would raise
every probability; taken as negatives, the open ones would lower it. So an open young lead counts in part as one that
will convert and in part as one that will not (delayed feedback: Chapelle, 2014, "Modeling delayed feedback in display
advertising", KDD; one step of its expectation-maximisation).
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import HALF_WEIGHT_DAYS
from models.split import days_until


@dataclass(frozen=True, slots=True)
class YoungLeads:
    """The snapshots of which something was known before their horizon had passed.

    Attributes
    ----------
    rows
        Snapshots of leads that sales works, with `contacted_after_days`, `converted_after_days` and `left_after_days`.
    """

    rows: pd.DataFrame

    @classmethod
    def of(cls, table: LabelledTable, learnt: pd.DataFrame) -> "YoungLeads":
        """Those of `table`; where `learnt` are the rows of a sample of its accounts, as large a share of them."""
        worked = table.frame[table.frame["contacted_after_days"].notna()]
        return cls(worked).beside(learnt, of=table.labelled())

    def beside(self, learnt: pd.DataFrame, *, of: pd.DataFrame) -> "YoungLeads":
        """Those that go with the rows `learnt`, a sample of the accounts in the labelled rows `of`.

        Of accounts that have labelled rows, those in the sample; of the others, as many as fit its share.
        """
        if len(learnt) == len(of):
            return self
        accounts = self.rows["group_id"]
        others = accounts[~accounts.isin(of["group_id"])].drop_duplicates()
        drawn = others.sample(frac=len(learnt) / len(of), random_state=0)
        return YoungLeads(self.rows[accounts.isin(learnt["group_id"]) | accounts.isin(drawn)])

    def at(self, moment: dt.datetime, *, since: dt.datetime) -> "KnownYoung":
        """What was known at `moment` of the snapshots from `since` on whose horizon had not passed then."""
        rows = self.rows
        young = rows[(rows["as_of"] < moment) & (rows["outcome_known_at"] > moment) & (rows["as_of"] >= since)]
        followed = days_until(moment, young)
        is_worked = young["contacted_after_days"].to_numpy() < followed
        young, followed = young[is_worked], followed[is_worked]
        return KnownYoung(
            rows=young.assign(weight=1.0 / (1.0 + young["day"].to_numpy() / HALF_WEIGHT_DAYS)),
            followed_days=followed,
            has_converted=young["converted_after_days"].to_numpy() < followed,
            has_left=young["left_after_days"].to_numpy() < followed,
        )


@dataclass(frozen=True, slots=True)
class KnownYoung:
    """Young snapshots as known at one moment.

    Attributes
    ----------
    rows
        They weigh as labelled ones of their day do. What is said of outcomes in them was not known yet.
    followed_days
        From each snapshot to the moment.
    has_converted, has_left
        By the moment.
    """

    rows: pd.DataFrame
    followed_days: npt.NDArray[np.float64]
    has_converted: npt.NDArray[np.bool_]
    has_left: npt.NDArray[np.bool_]

    @property
    def open_rows(self) -> pd.DataFrame:
        """The snapshots of leads that had neither converted nor left."""
        return self.rows[~self.has_converted & ~self.has_left]

    def joined(self, mature: pd.DataFrame, *, p_open: npt.NDArray[np.float64]) -> pd.DataFrame:
        """`mature` labelled rows and the young ones, in order of time.

        | a young lead | counts as |
        |---|---|
        | has converted | converted |
        | has left | not converted |
        | is open | two rows: converted with the probability that it still will, not converted with the rest |

        The probability that an open lead still will is `p (1 - F) / (1 - p F)`. `p` is its probability in `p_open`, and
        `F` the share of conversions that came as soon as it has been followed, among the mature.
        """
        is_open = ~self.has_converted & ~self.has_left
        ended = self.rows[~is_open].assign(converted=self.has_converted[~is_open])
        seen = _share_seen(mature, self.followed_days[is_open])
        will = p_open * (1 - seen) / (1 - p_open * seen)
        weight = self.open_rows["weight"].to_numpy()
        halves = [
            self.open_rows.assign(converted=outcome, weight=weight * part)
            for outcome, part in ((True, will), (False, 1 - will))
        ]
        return pd.concat([mature, ended, *halves]).sort_values(["as_of", "lead_id"], kind="stable")


def _share_seen(mature: pd.DataFrame, days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The weighted share of the conversions among `mature` that were known within each of `days`."""
    converted = mature[mature["converted"]].sort_values("converted_after_days")
    total = converted["weight"].cumsum().to_numpy()
    position = np.searchsorted(converted["converted_after_days"].to_numpy(), days, side="right")
    return np.asarray(np.concatenate([[0.0], total])[position] / total[-1])
