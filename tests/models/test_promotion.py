import pytest

from data_contracts.configuration import Configuration
from data_contracts.releases import Estimate, ReleaseManifest
from data_contracts.vocabulary import Transition
from models.promotion import reasons_against
from tests.example_history import settings
from tests.example_release import at_entry, evaluation, manifest, summary

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def release(*, gain: float = 0.05, margin: float = 0.01, estimator: str = "lightgbm", **changes) -> ReleaseManifest:
    """Its first transition gains `gain` ± `margin` of log loss over the base rate, its second 0.03 ± 0.01."""
    first = summary(SQL, estimator=estimator, gain=gain, margin=margin)
    return manifest(first, summary(WIN, estimator="logistic_regression", gain=0.03), **changes)


def test_the_first_release_goes_even_without_signal():
    assert reasons_against(release(estimator="base_rate_by_age", gain=0.0), None) == ()


def doubtful(*, name: str, low: float, high: float, estimator: str = "lightgbm") -> ReleaseManifest:
    """A release whose second transition has `name` between `low` and `high` at entry."""
    told = summary(WIN, estimator=estimator)
    return manifest(
        summary(SQL, estimator="lightgbm"),
        at_entry(told, **{name: Estimate(value=(low + high) / 2, low=low, high=high)}),
    )


@pytest.mark.parametrize(
    ("low", "high", "leaning"), [(0.3, 0.66, "too extreme"), (1.51, 2.0, "too timid"), (-0.4, 0.1, "too extreme")]
)
def test_probabilities_that_are_clearly_off_hold_even_the_first_release_back(low: float, high: float, leaning: str):
    for production in (None, release()):
        (reason,) = reasons_against(doubtful(name="calibration_slope", low=low, high=high), production)
        assert reason == (
            f"sql_to_win: its probabilities are {leaning}, the calibration slope at entry is {(low + high) / 2:.2f} "
            f"[{low:.2f}, {high:.2f}] and may be 0.67 to 1.50"
        )


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.67), (1.49, 2.0), (0.2, 3.0), (0.9, 1.1)])
def test_a_slope_whose_interval_reaches_into_what_is_allowed_is_let_through(low: float, high: float):
    assert reasons_against(doubtful(name="calibration_slope", low=low, high=high), None) == ()


def test_a_model_that_is_too_good_to_be_true_is_held_back_with_where_to_look():
    (reason,) = reasons_against(doubtful(name="auc", low=0.951, high=0.98), None)
    assert reason.startswith(
        "sql_to_win: it is too good to be true, the AUC at entry is 0.966 [0.951, 0.980]; look for an "
    )
    assert reasons_against(doubtful(name="auc", low=0.949, high=0.98), None) == ()


def test_figures_of_a_transition_without_a_model_hold_nothing_back():
    assert reasons_against(doubtful(name="auc", low=0.96, high=0.98, estimator="base_rate_by_age"), None) == ()


def test_all_reasons_are_told_at_once():
    told = doubtful(name="auc", low=0.96, high=0.98)
    other = told.model_copy(update={"inputs": told.inputs.model_copy(update={"source": "olist"})})
    assert len(reasons_against(other, release())) == 2


def test_a_release_that_is_as_good_replaces_the_one_in_production():
    assert reasons_against(release(gain=0.05), release(gain=0.05)) == ()


def test_a_release_goes_while_its_interval_reaches_that_of_production():
    # 0.03 ± 0.01 reaches up to 0.04, 0.05 ± 0.01 down to 0.04.
    assert reasons_against(release(gain=0.03), release(gain=0.05)) == ()


def test_a_clearly_worse_release_is_held_back_with_both_intervals():
    assert reasons_against(release(gain=0.02), release(gain=0.05)) == (
        "mql_to_sql: its gain over the base rate by age is 0.0200 [0.0100, 0.0300] "
        "and production's 0.0500 [0.0400, 0.0600], clearly worse",
    )


def test_the_second_transition_counts_as_well():
    worse = manifest(summary(SQL, estimator="lightgbm"), summary(WIN, estimator="lightgbm", gain=0.005, margin=0.001))
    assert reasons_against(worse, release()) == (
        "sql_to_win: its gain over the base rate by age is 0.0050 [0.0040, 0.0060] "
        "and production's 0.0300 [0.0200, 0.0400], clearly worse",
    )


def test_a_release_without_signal_does_not_replace_one_with():
    (reason,) = reasons_against(release(estimator="base_rate_by_age", gain=0.0), release())
    assert reason == "mql_to_sql: it found no signal and production's lightgbm has some"


def test_a_release_without_signal_replaces_another_without_and_any_signal_replaces_none():
    without = release(estimator="base_rate_by_age", gain=0.0)
    assert reasons_against(without, without) == ()
    assert reasons_against(release(gain=0.011), without) == ()


def test_another_configuration_needs_a_person_and_says_what_differs():
    agreed = Configuration.of(settings())
    shorter = settings(transitions={"mql_to_sql": {"horizon_days": 21}, "sql_to_win": {"horizon_days": 30}})
    other = Configuration(definitions=shorter.definitions, attributes={"industry": agreed.attributes["industry"]})
    assert reasons_against(release(configuration=other), release(configuration=agreed)) == (
        "it was made under another configuration than the one in force: "
        "definitions.transitions.mql_to_sql.horizon_days 30 -> 21, crm.attributes.employees removed",
    )


def test_another_source_needs_a_person():
    (reason,) = reasons_against(release(source="olist"), release())
    assert reason.endswith("than the one in force: crm.source simulated -> olist")


def test_features_that_are_computed_otherwise_need_a_person():
    (reason,) = reasons_against(release(catalogue_digest="other"), release())
    assert reason.endswith("than the one in force: catalogue c1c1c1c1c1c1c1c1 -> other")


def test_releases_under_different_configurations_are_not_compared_by_their_gain():
    (reason,) = reasons_against(release(gain=0.02, source="olist"), release(gain=0.05))
    assert "clearly worse" not in reason


def test_the_evaluation_at_the_acting_age_decides():
    at_entry = evaluation(SQL, model="lightgbm")
    later, overall = (at_entry.model_copy(update={"day": day}) for day in (7, None))
    told = summary(SQL, estimator="lightgbm").model_copy(update={"evaluations": (at_entry, later, overall)})
    assert told.at_acting_age is at_entry
    assert told.model_copy(update={"acting_day": 7}).at_acting_age is later
    with pytest.raises(ValueError, match="mql_to_sql was not judged on day 3"):
        _ = told.model_copy(update={"acting_day": 3}).at_acting_age
