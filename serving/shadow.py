"""The shadow report: the old rule and the model on the same past, before a team switches from one to the other."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data_contracts.definitions import Definitions
from data_contracts.past_scores import P_FIRST
from data_contracts.settings import Settings
from data_contracts.shadow import Measured, OldRule, ShadowComparison, ShadowFigure, ShadowReport, ShadowWeek
from data_contracts.snapshots import POINTS, TEAM
from data_contracts.vocabulary import OutcomeStatus, Transition
from features.hand_offs import OUTCOME, REVENUE, WON_OUTCOME
from models.train import SEED
from models.weekly_scores import BOUNDARY, VALUE
from serving.shadow_figures import UNKNOWN, Weeks, shadow_figure
from serving.shadow_lists import HandOffs, columns_of_both
from serving.shadow_verdict import deciding, standing_of, verdict_text

LISTED = {
    TEAM: "team",
    "as_of": "handed_off_at",
    POINTS: "points",
    P_FIRST: "probability",
    VALUE: "ranking_value",
    BOUNDARY: "boundary",
    OUTCOME: "outcome",
    WON_OUTCOME: "won_outcome",
    REVENUE: "revenue",
}
"""What the lists say of a lead on each side, by the columns of its hand-off."""

WEEK = dt.timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class ShadowPast:
    """Which past was looked at, and how: as `ShadowReport` says it."""

    rule: OldRule
    begins: dt.datetime
    n_weeks: int
    extracted_at: dt.datetime
    trained_at: tuple[dt.datetime, ...]
    recipe: str
    sampled_share: float
    data_fingerprint: str

    @property
    def ends(self) -> dt.datetime:
        """The last moment of the last week."""
        return self.begins + self.n_weeks * WEEK

    def mature(self, *, days: int) -> Weeks:
        """The weeks of which all leads have had so many days by the extract."""
        old_enough = [
            week
            for week in range(self.n_weeks)
            if self.begins + (week + 1) * WEEK + dt.timedelta(days=days) <= self.extracted_at
        ]
        return Weeks(self.n_weeks, frozenset(old_enough), self.sampled_share)


def shadow_report(past: ShadowPast, handed: Sequence[HandOffs], settings: Settings) -> ShadowReport:
    """What came of the hand-offs of both sides, and which does better.

    Parameters
    ----------
    handed
        At equal volume and at capacity, each row with what `features.hand_offs.with_what_came` says of it.
    """
    comparisons = tuple(_compared(past, one, settings.definitions) for one in handed)
    return ShadowReport(
        rule=past.rule,
        transition=settings.definitions.first_transition,
        begins=past.begins,
        ends=past.ends,
        n_weeks=past.n_weeks,
        extracted_at=past.extracted_at,
        trained_at=past.trained_at,
        recipe=past.recipe,
        sampled_share=past.sampled_share,
        currency=settings.crm.currency,
        definitions_version=settings.definitions.version,
        policy_version=settings.policy.version,
        data_fingerprint=past.data_fingerprint,
        comparisons=comparisons,
        weeks=tuple(week for one in handed for week in _weeks(past, one, settings.definitions)),
        standing=standing_of(deciding(comparisons)),
        verdict=verdict_text(
            comparisons,
            past.rule,
            n_weeks=past.n_weeks,
            days_to_a_win=days_to_know(settings.definitions, "wins"),
            leads_per_week=settings.policy.leads_per_week,
        ),
    )


def listed_leads(one: HandOffs) -> pd.DataFrame:
    """One row a lead of the lists: `lead_id`, `list`, and of each side what `LISTED` names, as `rule_…` and `model_…`.

    Of an outcome, `censored` says that nobody can know it yet, and `never_contacted` that sales did not call.
    """
    return columns_of_both(one, LISTED)


def days_to_know(definitions: Definitions, measured: Measured) -> int:
    """The days after a hand-off until its SQL is known, or its win and what that brings."""
    horizons = definitions.transitions
    if measured == "SQLs" or Transition.MQL_TO_WIN in horizons:
        return horizons[definitions.first_transition].horizon_days
    return sum(one.horizon_days for one in horizons.values())


def _compared(past: ShadowPast, one: HandOffs, definitions: Definitions) -> ShadowComparison:
    rule, model = (side[side["week"] >= 0] for side in (one.rule, one.model))
    listed = one.listed()
    lists = listed.value_counts()
    entering = listed.index[listed == "only the model"]
    per_week = past.n_weeks * past.sampled_share
    first = past.mature(days=days_to_know(definitions, _measured(definitions)[0]))
    return ShadowComparison(
        terms=one.terms,
        rule_leads=len(rule) / per_week,
        model_leads=len(model) / per_week,
        n_both=int(lists.get("both", 0)),
        n_only_rule=int(lists.get("only the rule", 0)),
        n_only_model=int(lists.get("only the model", 0)),
        rule_called=_known_share(rule, first),
        model_called=_known_share(model, first),
        only_model_called=_known_share(model[model["lead_id"].isin(entering)], first),
        figures=_figures(past, rule, model, definitions),
    )


def _measured(definitions: Definitions) -> tuple[Measured, ...]:
    """What is measured, that of the first transition first."""
    has_sqls = definitions.first_transition is Transition.MQL_TO_SQL
    return ("SQLs", "wins", "revenue") if has_sqls else ("wins", "revenue")


def _figures(
    past: ShadowPast, rule: pd.DataFrame, model: pd.DataFrame, definitions: Definitions
) -> tuple[ShadowFigure, ...]:
    """One a thing that can be told; no revenue where no deal has an amount."""
    found = []
    for measured in _measured(definitions):
        if measured == "revenue" and not any(side[REVENUE].any() for side in (rule, model)):
            continue
        weeks = past.mature(days=days_to_know(definitions, measured))
        told = shadow_figure(measured, rule, model, weeks=weeks, seed=SEED)
        found += [] if told is None else [told]
    return tuple(found)


def _known_share(side: pd.DataFrame, weeks: Weeks) -> float | None:
    counted = side[side["week"].isin(weeks.mature)]
    return None if counted.empty else float(1 - counted[OUTCOME].isin(UNKNOWN).mean())


def _weeks(past: ShadowPast, one: HandOffs, definitions: Definitions) -> list[ShadowWeek]:
    first = past.mature(days=days_to_know(definitions, _measured(definitions)[0])).mature
    wins = past.mature(days=days_to_know(definitions, "wins")).mature
    both = set(one.rule["lead_id"]) & set(one.model["lead_id"])
    found = []
    for week in range(past.n_weeks):
        rule, model = (side[side["week"] == week] for side in (one.rule, one.model))
        found.append(
            ShadowWeek(
                terms=one.terms,
                begins=past.begins + week * WEEK,
                is_mature=week in first,
                is_mature_for_wins=week in wins,
                n_rule=len(rule),
                n_model=len(model),
                n_both=int(rule["lead_id"].isin(both).sum()),
                n_rule_known=_n_known(rule),
                n_model_known=_n_known(model),
                n_rule_converted=_n_converted(rule, OUTCOME),
                n_model_converted=_n_converted(model, OUTCOME),
                n_rule_won=_n_converted(rule, WON_OUTCOME),
                n_model_won=_n_converted(model, WON_OUTCOME),
                rule_revenue=float(rule[REVENUE].sum()),
                model_revenue=float(model[REVENUE].sum()),
            )
        )
    return found


def _n_known(side: pd.DataFrame) -> int:
    return int(side[OUTCOME].isin([OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED]).sum())


def _n_converted(side: pd.DataFrame, outcome: str) -> int:
    return int((side[outcome] == OutcomeStatus.CONVERTED).sum())
