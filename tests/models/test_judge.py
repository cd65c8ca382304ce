"""Which age decides, and which ages are shown."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.definitions import Definitions, SnapshotPlan
from data_contracts.estimates import Estimate
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.judge import Judgement, acting_day, judge
from models.recipe import Recipe
from models.select import Selection
from models.split import default_test_from, learning_rows, split_at
from models.young import YoungLeads
from tests.example_release import evaluation
from tests.models.conftest import LOGISTIC, TableFactory

DAYS = (0, 1, 3, 7, 14)


def rows(touched_after_days: float, *, n: int = 200, days: tuple[int, ...] = DAYS) -> pd.DataFrame:
    """`n` leads seen on each of `days`, half of which convert; sales touches each after so many days."""
    leads = pd.DataFrame({"lead_id": range(n), "group_id": range(n), "converted": [True, False] * (n // 2)})
    seen = [leads.assign(day=day, weight=1.0, touched_after_days=touched_after_days) for day in days]
    return pd.concat(seen, ignore_index=True)


@pytest.mark.parametrize(("touched", "day"), [(0.0, 0), (0.4, 0), (0.8, 1), (4.0, 3), (5.5, 7), (30.0, 14)])
def test_the_acting_day_is_the_judged_day_nearest_to_sales_first_touch(touched: float, day: int):
    assert acting_day(rows(touched), DAYS) == day


def test_without_any_touch_people_act_at_entry():
    assert acting_day(rows(np.nan), DAYS) == 0


def test_a_day_on_which_too_few_leads_are_left_is_passed_over():
    few = pd.concat([rows(7.0, days=(0, 3)), rows(7.0, n=98, days=(7,))])
    assert acting_day(few, (0, 3, 7)) == 3


@pytest.mark.whole
def test_each_judged_day_has_a_row_and_all_ages_come_last(make_table: TableFactory, definitions: Definitions):
    table = make_table(n_leads=1_000)
    asked = definitions.model_copy(update={"snapshots": SnapshotPlan(judged_at_days=(7, 21, 999))})
    touched = replace(table, frame=table.frame.assign(touched_after_days=8.0))
    young = YoungLeads.of(touched, learning_rows(touched))
    judged = judge(touched, split_of(touched), young=young, definitions=asked, leads_per_week=10, seed=0)
    assert judged.acting_day == 7
    assert [one.day for one in judged.evaluations] == [0, 7, 21, None], "nobody is there on day 999"
    assert judged.at_acting_age.day == 7
    for on_day in judged.evaluations[:-1]:
        assert on_day.n_test == on_day.n_test_leads


def split_of(table: LabelledTable):
    learnt = learning_rows(table)
    return split_at(learnt, default_test_from(learnt))


@pytest.mark.parametrize(
    ("gain", "auc", "found"), [(0.02, 0.6, True), (0.02, 0.45, False), (-0.01, 0.6, False), (-0.01, 0.45, False)]
)
def test_signal_is_a_gain_at_all_ages_and_a_ranking_at_the_acting_age(gain: float, auc: float, found: bool):
    """Each figure is the lower end of its interval; the other figure of either evaluation does not matter."""
    overall = with_lows(None, gain=gain, auc=0.3)
    acting = with_lows(7, gain=-0.5, auc=auc)
    selection = Selection(Recipe((LOGISTIC,)), Recipe((LOGISTIC,)), candidates=(), validation="forward")
    judged = Judgement(
        selection, acting_day=7, evaluations=(with_lows(0, gain=-0.5, auc=0.3), acting, overall), predictions=()
    )
    assert judged.has_signal is found


def with_lows(day: int | None, *, gain: float, auc: float):
    told = evaluation(Transition.MQL_TO_SQL, model="lightgbm")
    lows = {"gain": Estimate(value=0.9, low=gain, high=1.0), "auc": Estimate(value=0.9, low=auc, high=1.0)}
    return told.model_copy(update={"day": day, "models": (told.model.model_copy(update=lows), *told.models[1:])})
