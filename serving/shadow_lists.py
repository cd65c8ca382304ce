"""Whom the old rule and whom the model would have handed off, week by week, on the same terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_contracts.policy import Policy
from data_contracts.shadow import ListName, OldRule, Terms
from data_contracts.snapshots import SUPPRESSED_BY, TEAM
from models.weekly_scores import BOUNDARY, VALUE
from serving.shadow_rule import meets, order_of

Most = Callable[[int, str], float]
"""How many leads a team gets in a week at most: week and team to a number."""


@dataclass(frozen=True, eq=False)
class HandOffs:
    """Whom each side would have handed off on the same terms: one row a lead, at the moment of its hand-off.

    Weeks below 0 are those before the ones that are told of. Who was handed off then is not handed off again.
    """

    terms: Terms
    rule: pd.DataFrame
    model: pd.DataFrame

    def listed(self) -> pd.Series:
        """By lead that either side hands off in a week that is told of: which list it is on.

        `both` holds also where the other side was earlier than those weeks.
        """
        by_rule, by_model = (set(side["lead_id"]) for side in (self.rule, self.model))
        told = sorted({lead for side in (self.rule, self.model) for lead in side.loc[side["week"] >= 0, "lead_id"]})
        return pd.Series({lead: _list_of(lead in by_rule, lead in by_model) for lead in told}, dtype=object)


def hand_offs_on_both_terms(moments: pd.DataFrame, rule: OldRule, *, policy: Policy, share: float) -> list[HandOffs]:
    """Whom both sides would have handed off at equal volume, and at capacity.

    | terms | the rule | the model |
    |---|---|---|
    | equal volume | every lead that meets it for the first time | in each week as many, the best of all that wait |
    | capacity | of these the first in its order | of those that reach the boundary for the first time the best |

    A lead of no team, or one that is suppressed at the moment, is handed off by neither.

    Parameters
    ----------
    moments
        Rows of `features.hand_offs.hand_off_leads` with what `models.weekly_scores.scores_by_week` says of them.
    share
        The share of the accounts that is in `moments`, in (0, 1].
    """
    free = moments[moments[TEAM].notna() & moments[SUPPRESSED_BY].isna()]
    by_rule = _entering(free.assign(order=order_of(rule, free))[meets(rule, free)])
    ranked = free.assign(order=free[VALUE])
    crossing = _entering(ranked[ranked[VALUE] >= ranked[BOUNDARY]])
    capacity = {team.name: team.leads_per_week * share for team in policy.teams}
    everyone = handed_off(by_rule, most=lambda week, team: np.inf)
    volume = everyone.groupby(["week", TEAM]).size().to_dict()
    as_many: Most = lambda week, team: volume.get((week, team), 0)  # noqa: E731 (it reads like the other one)
    at_most: Most = lambda week, team: capacity[team]  # noqa: E731
    return [
        HandOffs("equal_volume", everyone, handed_off(ranked, most=as_many)),
        HandOffs("capacity", handed_off(by_rule, most=at_most), handed_off(crossing, most=at_most)),
    ]


def handed_off(moments: pd.DataFrame, *, most: Most) -> pd.DataFrame:
    """Week by week the first `most` leads of each team in descending `order` that were not handed off before.

    A lead is handed off at the first moment at which it is at its best in that week. Of equal ones, who is there first
    comes first.
    """
    order = {"week": True, "order": False, "as_of": True, "lead_id": True}
    rows = moments.sort_values(list(order), ascending=list(order.values()), kind="stable", ignore_index=True)
    is_chosen = np.zeros(len(rows), dtype=bool)
    gone: set[str] = set()
    for week in rows["week"].unique():
        waiting = rows[(rows["week"] == week) & ~rows["lead_id"].isin(gone)].drop_duplicates("lead_id")
        most_of = {team: most(int(week), team) for team in waiting[TEAM].unique()}
        limit = waiting[TEAM].map(most_of).astype(np.float64)  # where nobody waits, mapped texts would stay texts
        chosen = waiting[(waiting.groupby(TEAM).cumcount() < limit).to_numpy(dtype=bool)]
        is_chosen[chosen.index] = True
        gone |= set(chosen["lead_id"])
    return rows[is_chosen].reset_index(drop=True)


def _entering(moments: pd.DataFrame) -> pd.DataFrame:
    """Of each lead the moments in the first of its weeks: it enters then, or is passed over for good."""
    first: pd.Series = moments.groupby("lead_id")["week"].transform("min")
    return moments[moments["week"] == first]


def _list_of(is_by_rule: bool, is_by_model: bool) -> ListName:
    if is_by_rule and is_by_model:
        return "both"
    return "only the rule" if is_by_rule else "only the model"


def columns_of_both(one: HandOffs, columns: Mapping[str, str]) -> pd.DataFrame:
    """One row a listed lead: `lead_id`, `list`, and each of `columns` of both sides as `rule_…` and `model_…`."""
    listed = one.listed().rename("list").rename_axis("lead_id").reset_index()
    for name, side in (("rule", one.rule), ("model", one.model)):
        told = side[["lead_id", *columns]].rename(columns={old: f"{name}_{new}" for old, new in columns.items()})
        listed = listed.merge(told, on="lead_id", how="left", validate="one_to_one")
    return listed
