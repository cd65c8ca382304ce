from data_contracts.releases import ReleaseManifest
from data_contracts.vocabulary import Moment, Transition
from models.promotion import deciding_evaluation, may_promote
from tests.example_release import evaluation, manifest, summary

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def release(*, gain: float = 0.05, margin: float = 0.01, estimator: str = "lightgbm", **changes) -> ReleaseManifest:
    """Its first transition gains `gain` ± `margin` of log loss over the base rate, its second 0.03 ± 0.01."""
    first = summary(SQL, estimator=estimator, gain=gain, margin=margin)
    return manifest(first, summary(WIN, estimator="logistic_regression", gain=0.03), **changes)


def test_the_first_release_always_goes_even_without_signal():
    assert may_promote(release(estimator="base_rate", gain=0.0), None) is None


def test_a_release_that_is_as_good_replaces_the_one_in_production():
    assert may_promote(release(gain=0.05), release(gain=0.05)) is None


def test_a_release_goes_while_its_interval_reaches_that_of_production():
    # 0.03 ± 0.01 reaches up to 0.04, 0.05 ± 0.01 down to 0.04.
    assert may_promote(release(gain=0.03), release(gain=0.05)) is None


def test_a_clearly_worse_release_is_held_back_with_both_intervals():
    assert may_promote(release(gain=0.02), release(gain=0.05)) == (
        "mql_to_sql: its gain over the base rate is 0.0200 [0.0100, 0.0300] "
        "and production's 0.0500 [0.0400, 0.0600], clearly worse"
    )


def test_the_second_transition_counts_as_well():
    worse = manifest(summary(SQL, estimator="lightgbm"), summary(WIN, estimator="lightgbm", gain=0.005, margin=0.001))
    assert may_promote(worse, release()) == (
        "sql_to_win: its gain over the base rate is 0.0050 [0.0040, 0.0060] "
        "and production's 0.0300 [0.0200, 0.0400], clearly worse"
    )


def test_a_release_without_signal_does_not_replace_one_with():
    reason = may_promote(release(estimator="base_rate", gain=0.0), release())
    assert reason == "mql_to_sql: it found no signal and production's lightgbm has some"


def test_a_release_without_signal_replaces_another_without_and_any_signal_replaces_none():
    without = release(estimator="base_rate", gain=0.0)
    assert may_promote(without, without) is None
    assert may_promote(release(gain=0.011), without) is None


def test_other_definitions_cannot_be_compared_and_need_a_person():
    reason = may_promote(release(definitions_version="2026.2", definitions_digest="other"), release())
    assert reason == (
        "it was trained under definitions 2026.2 and production under 2026.1, whose content differs: "
        "their figures cannot be compared"
    )


def test_another_source_needs_a_person():
    assert may_promote(release(source="olist"), release()) == "it was trained on 'olist' and production on 'simulated'"


def test_the_evaluation_over_all_moments_decides():
    at_entry = evaluation(SQL, model="lightgbm")
    overall = at_entry.model_copy(update={"moment": None, "n_test": 999})
    both = summary(SQL, estimator="lightgbm").model_copy(update={"evaluations": (overall, at_entry)})
    assert deciding_evaluation(both) is overall
    assert deciding_evaluation(summary(SQL, estimator="lightgbm")).moment is Moment.ENTRY
