"""Whom sales contacted, on synthetic leads whose truth is known: the more visits, the likelier a call."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from data_contracts.contact import ContactReport
from data_contracts.releases import TransitionSummary
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.contact import (
    CHANCE,
    HAS_REACHED,
    STANDS_FOR,
    contact_model,
    contact_report,
    entries_of,
    standing_for_all,
    weighted_for_contact,
    with_chances,
)
from models.fitted import FittedTransition
from models.recipe import Recipe
from models.split import default_test_from, learning_rows
from models.train import train_transition
from tests.example_release import summary
from tests.models.conftest import LOGISTIC

RECIPE = Recipe((LOGISTIC,))


def report_of(table: LabelledTable) -> ContactReport | None:
    return contact_report(table, RECIPE, test_from=default_test_from(learning_rows(table)), seed=0)


def unjudged(contact: ContactReport) -> TransitionSummary:
    """What is said of a transition of which nothing but `contact` is known."""
    return summary(Transition.MQL_TO_SQL, estimator="base_rate_by_age").model_copy(update={"contact": contact})


def true_rate(table: LabelledTable, report: ContactReport) -> float:
    entries = entries_of(table).frame
    return float(entries.loc[entries["as_of"] >= report.test_from, "true_p"].mean())


@pytest.fixture(scope="module")
def half(make_table) -> LabelledTable:
    """Sales calls half of the leads."""
    return make_table(contacted_share=0.5)


@pytest.fixture(scope="module")
def report(half: LabelledTable) -> ContactReport:
    found = report_of(half)
    assert found is not None
    return found


def test_all_mature_entries_count_and_only_labelled_ones_are_contacted(half: LabelledTable, report: ContactReport):
    entries = half.frame[(half.frame["day"] == 0) & (half.frame["outcome_status"] != OutcomeStatus.CENSORED)]
    assert report.n_leads == len(entries)
    assert report.n_contacted == len(half.labelled(0))
    assert sum(month.n_leads for month in report.months) == report.n_leads
    assert sum(month.n_contacted for month in report.months) == report.n_contacted
    assert [month.month for month in report.months] == sorted(month.month for month in report.months)


def test_who_is_contacted_can_be_told(report: ContactReport):
    assert report.auc.low is not None
    assert report.auc.low > 0.65
    assert 0.6 * report.n_contacted < report.n_effective < report.n_contacted


def test_the_truth_is_within_the_bounds_and_the_rate_of_the_contacted_is_not_it(
    half: LabelledTable, report: ContactReport
):
    rate, true = report.rate, true_rate(half, report)
    assert rate.lowest.value < true < rate.highest.value
    assert rate.if_alike.low < true < rate.if_alike.high
    assert rate.contacted.low > true, "sales calls the better leads"


def test_the_bounds_are_those_of_all_failing_and_all_succeeding(half: LabelledTable, report: ContactReport):
    entries = entries_of(half).frame
    later = entries[entries["as_of"] >= report.test_from]
    n_converted = int((later["converted"] & later[HAS_REACHED]).sum())
    n_unknown = int((~later["converted"]).sum())
    assert report.rate.lowest.value == pytest.approx(n_converted / len(later))
    assert report.rate.highest.value == pytest.approx((n_converted + n_unknown) / len(later))


def test_what_became_of_the_never_contacted_plays_no_part(half: LabelledTable, report: ContactReport):
    frame = half.frame.copy()
    frame.loc[frame["outcome_status"] == OutcomeStatus.NEVER_CONTACTED, "converted"] = True
    assert report_of(replace(half, frame=frame)) == report


def test_leads_that_nobody_ever_calls_are_told(half: LabelledTable):
    frame = half.frame.copy()
    is_event = (frame["source"] == "event").fillna(False)
    never = [OutcomeStatus.NEVER_CONTACTED.value, False, 0.0]
    is_mature = frame["outcome_status"] != OutcomeStatus.CENSORED
    frame.loc[is_event & is_mature, ["outcome_status", "converted", "weight"]] = never
    found = report_of(replace(half, frame=frame))
    assert found is not None
    assert found.n_unlike / found.n_leads == pytest.approx(0.3 * 0.95, abs=0.03), "those known to come from events"
    model = contact_model(replace(half, frame=frame), found, seed=0)
    assert model is not None
    fitted = FittedTransition(unjudged(found), half.columns, (), None, contact=model)
    later = frame[~is_mature & (frame["day"] == 0)]
    is_unlike = pd.Series(fitted.is_unlike(later), index=later.index)
    assert is_unlike[is_event].mean() > 0.95, "they cannot be scored from any lead like them"
    assert is_unlike[~is_event].mean() < 0.05


def test_where_sales_calls_any_kind_of_lead_none_is_unlike(half: LabelledTable, report: ContactReport):
    assert (report.n_unlike, report.unlike_up_to) == (0, None)
    assert contact_model(half, report, seed=0) is None
    assert contact_model(half, None, seed=0) is None


@pytest.mark.parametrize("share", [1.0, 0.0])
def test_without_contacted_and_never_contacted_leads_there_is_no_report(make_table, share: float):
    table = make_table(n_leads=600)
    if not share:
        table = replace(table, frame=table.frame.assign(outcome_status=OutcomeStatus.NEVER_CONTACTED.value))
        assert contact_report(table, RECIPE, test_from=table.frame["as_of"].median(), seed=0) is None
    else:
        assert report_of(table) is None


def test_every_snapshot_of_a_lead_stands_for_as_many_as_its_entry(half: LabelledTable):
    entries = with_chances(entries_of(half), seed=0)
    rows = standing_for_all(half, entries)
    assert len(rows) == len(learning_rows(half))
    assert (rows.groupby("lead_id")[STANDS_FOR].nunique() == 1).all()
    first = rows[rows["day"] == 0].set_index("lead_id")[STANDS_FOR]
    pd.testing.assert_series_equal(first, entries.set_index("lead_id")[STANDS_FOR].loc[first.index])
    weighted = weighted_for_contact(rows)
    assert np.allclose(weighted["weight"], rows["weight"] * rows[STANDS_FOR])


def test_a_lead_with_a_low_chance_stands_for_many(half: LabelledTable):
    entries = with_chances(entries_of(half), seed=0)
    known = entries[entries["converted"]]
    assert known[CHANCE].corr(known[STANDS_FOR], method="spearman") < -0.99


def test_chances_are_calibrated_together(half: LabelledTable):
    """Of leads with a chance of a third, a third were contacted: level 0 and slope 1 on the log-odds."""
    entries = with_chances(entries_of(half), seed=0)
    log_odds = logit(entries[[CHANCE]].to_numpy())
    asked = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds, entries["converted"])
    assert (asked.intercept_[0], asked.coef_[0, 0]) == pytest.approx((0.0, 1.0), abs=0.005)


def test_training_tells_it_and_predicts_the_same(half: LabelledTable, definitions):
    fitted = train_transition(half, definitions=definitions)
    found = fitted.summary.contact
    assert found is not None
    assert found.n_leads > found.n_contacted
    assert ContactReport.model_validate_json(found.model_dump_json()) == found


@pytest.mark.slow
def test_the_narrow_figure_is_right_where_its_assumption_holds(make_table):
    found = []
    for seed in range(12):
        table = make_table(contacted_share=0.5, seed=seed)
        report = report_of(table)
        assert report is not None
        found.append((report.rate.if_alike, report.rate.contacted, true_rate(table, report)))
    off = [alike.value - true for alike, _, true in found]
    print(f"narrow figure less truth {np.mean(off):.3f}, standard error {np.std(off, ddof=1) / np.sqrt(len(off)):.3f}")
    assert sum(alike.low <= true <= alike.high for alike, _, true in found) >= 10
    assert abs(np.mean(off)) < 0.02
    assert np.mean([contacted.value - true for _, contacted, true in found]) > 0.05
