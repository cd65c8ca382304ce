"""The rule in force until now: which it is, who meets it at a moment, and in what order it hands leads off."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.conditions import Condition, condition_written
from data_contracts.errors import SettingsError
from data_contracts.settings import Settings
from data_contracts.shadow import OldRule
from data_contracts.snapshots import POINTS
from data_contracts.vocabulary import Stage
from features.profile import attribute_column, refuse_unfit_conditions

POINT_RULE, CRM = "points", "crm"
"""What is written for the point rule, and for what the CRM did."""


def old_rule(settings: Settings, *, written: str | None = None) -> OldRule:
    """The rule that is `written`: `points`, `crm`, or a condition on a declared attribute such as `points >= 50`.

    Without it, the point rule of the definitions; where they have none, what the CRM did.

    Raises
    ------
    SettingsError
        Where there is no such rule, or the attribute's past values are not known.
    """
    points = settings.definitions.point_rule
    if written == POINT_RULE and points is None:
        raise SettingsError("[definitions] has no point_rule; write one there, or give --rule a condition or `crm`")
    if points is not None and written in (None, POINT_RULE):
        return OldRule(
            kind="points", threshold=points.threshold, said=f"the point rule ({points.threshold:g} points and more)"
        )
    if written in (None, CRM):
        return OldRule(kind="crm", said="the rule that moved leads to MQL in the CRM")
    condition = condition_written(str(written))
    _refuse_unknown_past(condition, settings)
    return OldRule(kind="condition", condition=condition, said=f"the rule {condition.said}")


def meets(rule: OldRule, leads: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which of `leads` (rows of a `FeatureTable`) meet the rule at their moments."""
    if rule.kind == "points":
        return np.asarray(leads[POINTS].to_numpy(dtype=np.float64) >= rule.threshold)
    if rule.condition is None:
        return np.asarray(leads["stage"] == Stage.MQL)
    value = leads[attribute_column(rule.condition.attribute)]
    if rule.condition.one_of:
        return np.asarray(value.isin(rule.condition.one_of))
    least = -np.inf if rule.condition.at_least is None else rule.condition.at_least
    most = np.inf if rule.condition.at_most is None else rule.condition.at_most
    return np.asarray(value.between(least, most))


def order_of(rule: OldRule, leads: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What the rule orders `leads` by, the highest first: points, or a value of which there must be enough.

    Any other rule has no order: all are alike, so that who comes first is first.
    """
    if rule.kind == "points":
        return leads[POINTS].to_numpy(dtype=np.float64)
    if rule.condition is not None and rule.condition.at_least is not None:
        return leads[attribute_column(rule.condition.attribute)].to_numpy(dtype=np.float64)
    return np.zeros(len(leads))


def _refuse_unknown_past(condition: Condition, settings: Settings) -> None:
    refuse_unfit_conditions({"--rule": condition}, settings.crm.attributes, section="shadow")
    if condition.attribute not in settings.crm.feature_attributes:
        raise SettingsError(
            f'--rule: only the present value of {condition.attribute!r} is known (availability = "now"), so nobody '
            "can say which leads met it in the past; select its changes and declare it as historised"
        )
