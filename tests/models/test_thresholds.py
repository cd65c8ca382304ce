import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.definitions import Capacity, Definitions
from data_contracts.releases import Thresholds
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY
from models.fitted import FittedTransition
from models.thresholds import choose_thresholds, grade
from models.train import train_transition
from tests.models.conftest import EXTRACTED_AT, TableFactory

pytestmark = pytest.mark.whole

BOUNDARIES = Thresholds(
    hand_off_probability=0.3,
    leads_per_week=20,
    expected_per_week=20,
    fit_boundaries=(0.8, 0.6, 0.4),
    behaviour_boundaries=(0.6, 0.3, 0.1),
    labelled_by_grade={},
    policy="",
)
shares = st.floats(0, 1)


@pytest.fixture(scope="module")
def thresholds(fitted: FittedTransition, table: LabelledTable, definitions: Definitions) -> Thresholds:
    return choose_thresholds(fitted, table, definitions=definitions)


def with_capacity(definitions: Definitions, leads_per_week: float) -> Definitions:
    return definitions.model_copy(update={"capacity": Capacity(leads_per_week=leads_per_week)})


def latest_entries(table: LabelledTable) -> pd.DataFrame:
    entries = table.frame[table.frame["day"] == ENTRY]
    return entries[entries["as_of"] >= entries["as_of"].max() - dt.timedelta(weeks=12)]


@given(p=st.tuples(shares, shares), fit=st.tuples(shares, shares))
def test_more_of_anything_never_lowers_a_grade(p: tuple[float, float], fit: tuple[float, float]) -> None:
    worse, better = grade([min(p), max(p)], [min(fit), max(fit)], thresholds=BOUNDARIES)
    assert better[0] <= worse[0]
    assert better[1] <= worse[1]


def test_a_lead_of_which_no_criterion_is_known_gets_a_c() -> None:
    assert grade([0.9], [np.nan], thresholds=BOUNDARIES).tolist() == ["C1"]


def test_no_more_leads_a_week_cross_the_boundary_than_sales_can_work(
    fitted: FittedTransition, table: LabelledTable, thresholds: Thresholds
) -> None:
    probability = fitted.predict(latest_entries(table))
    crossing = int((probability >= thresholds.hand_off_probability).sum())
    assert crossing / 12 == thresholds.expected_per_week <= 10
    following = probability[probability < thresholds.hand_off_probability].max()
    assert int((probability >= following).sum()) / 12 > 10, "the next lower boundary would be too low"
    assert "Sales can work 10 leads a week: the 10.0 likeliest of" in thresholds.policy


def test_a_sample_of_the_accounts_stands_for_all_leads_of_a_week(
    fitted: FittedTransition, table: LabelledTable, definitions: Definitions
) -> None:
    half = choose_thresholds(fitted, replace(table, sampled_share=0.5), definitions=definitions)
    whole = choose_thresholds(fitted, table, definitions=with_capacity(definitions, 10 / 2))
    assert half.hand_off_probability == whole.hand_off_probability, "ten a week of all are five a week of the half"
    assert half.expected_per_week == pytest.approx(2 * whole.expected_per_week)
    incoming = len(latest_entries(table)) / 12
    assert f"likeliest of {2 * incoming:.1f} leads a week" in half.policy


def test_leads_without_a_label_take_up_capacity_too(make_table: TableFactory, definitions: Definitions) -> None:
    table = make_table(contacted_share=0.3)
    fitted = train_transition(table, definitions=definitions)
    chosen = choose_thresholds(fitted, table, definitions=definitions)
    entries = latest_entries(table)
    assert {"censored", "never_contacted"} < set(entries["outcome_status"])
    crossing = fitted.predict(entries) >= chosen.hand_off_probability
    assert int(crossing.sum()) / 12 == chosen.expected_per_week
    assert entries["as_of"].max() > EXTRACTED_AT - dt.timedelta(days=5)


def test_everyone_is_handed_off_where_sales_has_time_for_everyone(
    fitted: FittedTransition, table: LabelledTable, definitions: Definitions
) -> None:
    chosen = choose_thresholds(fitted, table, definitions=with_capacity(definitions, 1_000))
    entries = latest_entries(table)
    assert chosen.hand_off_probability == fitted.predict(entries).min()
    assert chosen.expected_per_week == len(entries) / 12
    assert "so all of" in chosen.policy


def test_more_capacity_never_raises_the_boundary(
    fitted: FittedTransition, table: LabelledTable, definitions: Definitions
) -> None:
    boundaries = [
        choose_thresholds(fitted, table, definitions=with_capacity(definitions, capacity)).hand_off_probability
        for capacity in (1, 5, 20, 100)
    ]
    assert boundaries == sorted(boundaries, reverse=True)


def test_digits_are_quantiles_of_past_leads(thresholds: Thresholds, table: LabelledTable) -> None:
    cells = thresholds.labelled_by_grade
    n_labelled = len(table.labelled(ENTRY))
    by_digit = [sum(n for cell, n in cells.items() if cell[1] == digit) / n_labelled for digit in "1234"]
    assert by_digit == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)
    assert len(cells) == 16
    assert sum(cells.values()) == n_labelled
    first, second, third = thresholds.behaviour_boundaries
    assert 1 > first > second > third > 0


def test_letters_are_the_agreed_ones(thresholds: Thresholds, definitions: Definitions) -> None:
    assert thresholds.fit_boundaries == definitions.icp.fit_boundaries


def test_the_base_rate_lifts_nobody_and_hands_off_everybody(
    fitted: FittedTransition, table: LabelledTable, definitions: Definitions
) -> None:
    published = replace(fitted, estimators=(), calibrator=None)
    chosen = choose_thresholds(published, table, definitions=with_capacity(definitions, 1))
    assert chosen.hand_off_probability == published.summary.base_rate_by_age.probability[0]
    assert chosen.expected_per_week == len(latest_entries(table)) / 12 > chosen.leads_per_week
    assert {cell for cell, n in chosen.labelled_by_grade.items() if n} <= {"A4", "B4", "C4", "D4"}
    assert "No signal was found" in chosen.policy


def test_a_short_history_is_a_reference_of_its_own_length(
    fitted: FittedTransition, table: LabelledTable, definitions: Definitions
) -> None:
    frame = table.frame[table.frame["as_of"] < table.frame["as_of"].min() + dt.timedelta(weeks=4)]
    chosen = choose_thresholds(fitted, replace(table, frame=frame), definitions=with_capacity(definitions, 1_000))
    n_entries = int((frame["day"] == ENTRY).sum())
    assert chosen.expected_per_week == pytest.approx(n_entries / 4, rel=0.05)
