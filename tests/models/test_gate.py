import datetime as dt

import pytest

from data_contracts.configuration import Configuration
from data_contracts.errors import ReleaseError
from data_contracts.estimates import Estimate
from data_contracts.gate import ChampionComparison, ChampionInUse, RecipeComparison
from data_contracts.leaks import LeakFinding, LeakReport
from data_contracts.recalibration import FOLLOWS, P_WIN_BEFORE_SQL
from data_contracts.releases import ReleaseManifest
from data_contracts.vocabulary import Transition
from models.gate import differing_parts, held_back_unread, may_promote
from tests.example_history import settings
from tests.example_release import (
    at_entry,
    chain_summary,
    estimate,
    evaluation,
    figures,
    manifest,
    recalibration,
    summary,
)

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


ONE, OTHER = "logistic_regression (C=0.03), calibrator none", "lightgbm (num_leaves=4), calibrator sigmoid"
CHAMPION = "2026-04-01-champion"


def compared(*, low: float = -0.01, high: float = 0.01, **changes: object) -> ChampionComparison:
    """Both transitions against `CHAMPION`: the second's recipe differs in log loss by `low` to `high`."""
    difference = Estimate(value=(low + high) / 2, low=low, high=high)
    same = Estimate(value=0.0, low=0.0, high=0.0)
    first, second = (
        RecipeComparison(
            transition=transition,
            candidate=recipe,
            champion=ONE,
            is_one_recipe=recipe == ONE,
            test_from=dt.datetime(2026, 1, 1),
            acting_day=0,
            n_leads=300,
            at_acting_age=each,
            at_all_ages=each,
        )
        for transition, recipe, each in ((SQL, ONE, same), (WIN, OTHER, difference))
    )
    told = {"champion_id": CHAMPION, "recipes": (first, second)} | changes
    return ChampionComparison.model_validate(told)


def in_use(*, n: int = 100, low: float = -0.01, high: float = 0.01, n_shared: int = 250) -> ChampionInUse:
    """The champion's first transition on `n` leads of the rarer outcome, from which the candidate differs so."""
    judged = figures("lightgbm") if n >= 100 else None
    return ChampionInUse(
        transition=SQL,
        entered_after=dt.datetime(2026, 4, 1),
        acting_day=7,
        n_converted=n,
        n_not_converted=400,
        at_acting_age=judged,
        at_all_ages=judged,
        n_shared=n_shared,
        difference=Estimate(value=(low + high) / 2, low=low, high=high) if n_shared else None,
    )


def reasons(
    candidate: ReleaseManifest, champion: ReleaseManifest | None, comparison: ChampionComparison | None = None
) -> tuple[str, ...]:
    return may_promote(candidate, champion, comparison=comparison).reasons


def champion(**changes: object) -> ReleaseManifest:
    return release(release_id=CHAMPION, **changes)


def release(*, gain: float = 0.05, margin: float = 0.01, estimator: str = "lightgbm", **changes) -> ReleaseManifest:
    """Its first transition gains `gain` ± `margin` of log loss over the base rate, its second 0.03 ± 0.01."""
    first = summary(SQL, estimator=estimator, gain=gain, margin=margin)
    return manifest(first, summary(WIN, estimator="logistic_regression", gain=0.03), **changes)


def test_the_first_release_goes_even_without_signal():
    assert reasons(release(estimator="base_rate_by_age", gain=0.0), None) == ()


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
    for production, against in ((None, None), (champion(), compared())):
        (reason,) = reasons(doubtful(name="calibration_slope", low=low, high=high), production, against)
        assert reason == (
            f"sql_to_win: its probabilities are {leaning}, the calibration slope at entry is {(low + high) / 2:.2f} "
            f"[{low:.2f}, {high:.2f}] and may be 0.67 to 1.50"
        )


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.67), (1.49, 2.0), (0.2, 3.0), (0.9, 1.1)])
def test_a_slope_whose_interval_reaches_into_what_is_allowed_is_let_through(low: float, high: float):
    assert reasons(doubtful(name="calibration_slope", low=low, high=high), None) == ()


def test_a_model_that_is_too_good_to_be_true_is_held_back_with_where_to_look():
    (reason,) = reasons(doubtful(name="auc", low=0.951, high=0.98), None)
    assert reason.startswith(
        "sql_to_win: it is too good to be true, the AUC at entry is 0.966 [0.951, 0.980]; look for an "
    )
    assert reasons(doubtful(name="auc", low=0.949, high=0.98), None) == ()


def leaky(*, estimator: str = "lightgbm", **changes: str) -> ReleaseManifest:
    """A release whose second transition reads an attribute with such a finding."""
    told = summary(WIN, estimator=estimator)
    content = {"subject": "attribute", "name": "rating", "declared": "at_creation", "reason": "because"}
    report = LeakReport(
        transition=WIN,
        extracted_at=dt.datetime(2026, 6, 30),
        test_from=dt.datetime(2026, 1, 1),
        n_leads=1_000,
        n_open=100,
        findings=(LeakFinding.model_validate(content | changes),),
    )
    return manifest(summary(SQL, estimator="lightgbm"), told.model_copy(update={"leaks": report}))


@pytest.mark.parametrize("verdict", ["leak", "suspect"])
def test_a_leak_or_suspect_holds_even_the_first_release_back_until_it_is_allowed_by_name(verdict: str):
    (reason,) = reasons(leaky(verdict=verdict), None)
    assert reason.startswith(f"sql_to_win: it may have known the outcome by rating ({verdict}), and `leadscore leaks` ")
    assert reasons(leaky(verdict=verdict, allowed_because="sales sets it before the call"), None) == ()
    assert reasons(leaky(verdict="clear"), None) == ()


def test_a_leak_that_no_model_reads_holds_nothing_back():
    assert reasons(leaky(verdict="leak", estimator="base_rate_by_age"), None) == ()


def test_the_model_as_a_whole_is_judged_by_its_own_auc_and_not_twice():
    assert reasons(leaky(verdict="suspect", subject="model", name="as a whole"), None) == ()


def test_figures_of_a_transition_without_a_model_hold_nothing_back():
    assert reasons(doubtful(name="auc", low=0.96, high=0.98, estimator="base_rate_by_age"), None) == ()


def test_all_reasons_are_told_at_once():
    told = doubtful(name="auc", low=0.96, high=0.98)
    other = told.model_copy(update={"inputs": told.inputs.model_copy(update={"source": "olist"})})
    assert len(reasons(other, champion())) == 2


def test_a_release_whose_recipes_are_not_clearly_worse_replaces_the_champion_and_the_figures_are_said():
    verdict = may_promote(release(), champion(), comparison=compared())
    assert verdict.allows
    assert verdict.champion_id == CHAMPION
    told = {check.says for check in verdict.checks if check.name == "recipe"}
    assert told == {
        f"mql_to_sql: the champion's own recipe ({ONE})",
        "sql_to_win: its recipe is not clearly worse, log loss at entry on 300 leads differs from that of the "
        f"champion's by 0.0000 [-0.0100, 0.0100]: {OTHER} against {ONE}",
    }


def test_a_recipe_is_held_back_where_the_whole_interval_is_on_the_champion_s_side():
    assert reasons(release(), champion(), compared(low=0.001, high=0.019)) == (
        "sql_to_win: its recipe is clearly worse, log loss at entry on 300 leads differs from that of the "
        f"champion's by 0.0100 [0.0010, 0.0190]: {OTHER} against {ONE}",
    )
    assert reasons(release(), champion(), compared(low=0.0, high=0.02)) == ()


def test_the_gains_of_two_releases_are_of_different_leads_and_decide_nothing():
    assert reasons(release(gain=0.02), champion(gain=0.05), compared()) == ()


def test_the_champion_in_use_counts_once_it_is_clearly_better_on_the_same_leads():
    against = compared(in_use=(in_use(low=0.001, high=0.019),))
    assert reasons(release(), champion(), against) == (
        "mql_to_sql: the champion in use is clearly better, log loss on day 7 on 250 leads that entered after "
        "2026-04-01 differs from the published champion's by 0.0100 [0.0010, 0.0190]",
    )
    assert reasons(release(), champion(), compared(in_use=(in_use(low=-0.001, high=0.019),))) == ()


def test_a_champion_in_use_that_cannot_be_judged_yet_holds_nothing_back_and_says_why():
    for judged, why in (
        (
            in_use(n=99),
            "as 99 leads that converted and 400 that did not entered after 2026-04-01 and are mature on day 7",
        ),
        (in_use(n_shared=0), "too few leads that the champion in use was judged on are in the candidate's test"),
    ):
        verdict = may_promote(release(), champion(), comparison=compared(in_use=(judged,)))
        (check,) = [check for check in verdict.checks if check.name == "champion"]
        assert (verdict.allows, check.passes) == (True, None)
        assert why in check.says


@pytest.mark.parametrize("against", [None, compared(champion_id="2026-03-01-before")], ids=["never", "another"])
def test_a_release_that_was_not_compared_with_what_is_in_force_now_is_held_back(against):
    (reason,) = reasons(release(), champion(), against)
    assert reason.startswith(f"it was not compared with release {CHAMPION}, which is in force now; `leadscore train` ")


def test_a_comparison_that_could_not_be_made_holds_the_release_back_with_its_reason():
    against = ChampionComparison(champion_id=CHAMPION, not_compared_because="its recipe cannot be read")
    assert reasons(release(), champion(), against) == (
        f"it was not compared with release {CHAMPION}: its recipe cannot be read",
    )


def test_a_champion_that_cannot_be_read_holds_the_release_back():
    verdict = held_back_unread(release(), ReleaseError("release.json is missing"))
    assert verdict.reasons == ("the release in force cannot be read and compared with: release.json is missing",)


def test_the_release_in_force_itself_passes():
    assert reasons(champion(), champion()) == ()


def test_a_release_without_signal_does_not_replace_one_with():
    (reason,) = reasons(release(estimator="base_rate_by_age", gain=0.0), champion(), compared())
    assert reason == (
        "mql_to_sql: it found no signal and the champion's LightGBM has some; gain over the base rate by age at all "
        "ages 0.0000 [-0.0100, 0.0100], AUC at entry –"
    )


def test_a_release_without_signal_replaces_another_without_and_any_signal_replaces_none():
    without = champion(estimator="base_rate_by_age", gain=0.0)
    assert reasons(release(estimator="base_rate_by_age", gain=0.0), without, compared()) == ()
    assert reasons(release(gain=0.011), without, compared()) == ()


def test_another_configuration_needs_a_person_and_says_what_differs():
    agreed = Configuration.of(settings())
    shorter = settings(transitions={"mql_to_sql": {"horizon_days": 21}, "sql_to_win": {"horizon_days": 30}})
    attributes = {"industry": agreed.attributes["industry"]}
    other = agreed.model_copy(update={"definitions": shorter.definitions, "attributes": attributes})
    assert reasons(release(configuration=other), champion(configuration=agreed)) == (
        "it was made under another configuration than the one in force: "
        "definitions.transitions.mql_to_sql.horizon_days 30 -> 21, crm.attributes.employees removed",
    )


def test_another_source_needs_a_person():
    (reason,) = reasons(release(source="olist"), champion())
    assert reason.endswith("than the one in force: crm.source simulated -> olist")


def test_features_that_are_computed_otherwise_need_a_person():
    (reason,) = reasons(release(catalogue_digest="other"), champion())
    assert reason.endswith("than the one in force: catalogue c1c1c1c1c1c1c1c1 -> other")


def test_releases_under_different_configurations_are_not_compared_and_that_is_said():
    verdict = may_promote(release(source="olist"), champion(), comparison=compared(low=0.1, high=0.2))
    (check,) = [check for check in verdict.checks if check.name == "recipe"]
    assert check.passes is None
    assert check.says.startswith(f"not compared with {CHAMPION}: figures of other outcomes or features")
    assert differing_parts(release(source="olist"), champion()) == ("crm.source simulated -> olist",)


def test_every_check_of_the_first_release_has_its_figures():
    told = [(check.name, check.passes) for check in may_promote(release(), None).checks]
    one = [("signal", True), ("leaks", None), ("calibration", True)]
    assert told == [*one, *one, ("configuration", None)]
    text = str(may_promote(release(), None))
    assert "gate for 2026-05-01-abc123, with nothing in force: passes" in text
    assert "the calibration slope at entry is 1.00 [0.90, 1.10] and may be 0.67 to 1.50" in text


def test_the_evaluation_at_the_acting_age_decides():
    at_entry = evaluation(SQL, model="lightgbm")
    later, overall = (at_entry.model_copy(update={"day": day}) for day in (7, None))
    told = summary(SQL, estimator="lightgbm").model_copy(update={"evaluations": (at_entry, later, overall)})
    assert told.at_acting_age is at_entry
    assert told.model_copy(update={"acting_day": 7}).at_acting_age is later
    with pytest.raises(ValueError, match="mql_to_sql was not judged on day 3"):
        _ = told.model_copy(update={"acting_day": 3}).at_acting_age


def recalibrated(*, gain: Estimate, slope_after: Estimate) -> ReleaseManifest:
    """A release that mends the champion's first transition."""
    mend = recalibration("level", intercept=0.3, gain=gain, slope_after=slope_after)
    first, *others = champion().transitions
    of_champion = champion().as_parent
    inputs = champion().inputs.model_copy(update={"parent": of_champion})
    mended = first.model_copy(update={"recalibration": mend})
    return champion().model_copy(
        update={"release_id": "2026-06-30-mended", "inputs": inputs, "transitions": (mended, *others)}
    )


def test_a_release_that_mends_the_champion_needs_no_comparison_of_recipes():
    helps = recalibrated(gain=estimate(0.01, margin=0.005), slope_after=estimate(1.0, margin=0.2))
    verdict = may_promote(helps, champion())
    assert verdict.allows
    told = [check.says for check in verdict.checks if check.name in ("calibration", "recipe")]
    assert any(
        "level mended, which gains 0.0100 [0.0050, 0.0150] on 400 leads since 2026-04-02" in says for says in told
    )
    assert "the champion's own models, with their level mended" in told


@pytest.mark.parametrize(
    ("gain", "slope_after"),
    [
        (estimate(-0.01, margin=0.005), estimate(1.0, margin=0.2)),
        (estimate(0.01, margin=0.005), estimate(0.4, margin=0.1)),
    ],
    ids=["it loses", "its slope is off"],
)
def test_a_mend_that_loses_or_leaves_the_slope_off_is_held_back(gain: Estimate, slope_after: Estimate):
    verdict = may_promote(recalibrated(gain=gain, slope_after=slope_after), champion())
    assert [check.name for check in verdict.checks if check.passes is False] == ["calibration"]


HELPS = {"gain": estimate(0.01, margin=0.005), "slope_after": estimate(1.0, margin=0.2)}


def chain_mended(**changes: Estimate) -> ReleaseManifest:
    """A release that mends the champion's first transition, and wins before SQL with `changes` to what that gave."""
    told = recalibration("level", intercept=-0.4, **changes) if changes else None
    chain = chain_summary("sigmoid").model_copy(update={"recalibration": told})
    return recalibrated(**HELPS).model_copy(update={"chain": chain})


def test_a_mend_of_wins_before_sql_is_asked_the_same():
    def failing(candidate: ReleaseManifest) -> list[str]:
        return [check.says for check in may_promote(candidate, champion()).checks if check.passes is False]

    assert failing(chain_mended(**HELPS)) == []
    [says] = failing(chain_mended(**HELPS | {"gain": estimate(-0.01, margin=0.005)}))
    assert says.startswith("p_win before SQL: level mended, which gains -0.0100")
    assert len(failing(chain_mended(**HELPS | {"slope_after": estimate(0.4, margin=0.1)}))) == 1


def test_wins_before_sql_that_could_not_be_judged_since_are_said_to_follow():
    verdict = may_promote(chain_mended(), champion())
    assert verdict.allows
    [check] = [check for check in verdict.checks if check.says.startswith("p_win before SQL")]
    assert (check.passes, check.says.partition(": ")[2]) == (None, FOLLOWS)
    trained = champion().model_copy(update={"chain": chain_summary("sigmoid")})
    assert not any(check.says.startswith("p_win before SQL") for check in may_promote(trained, None).checks)


def test_a_mend_of_another_release_than_the_one_in_force_is_held_back():
    helps = recalibrated(gain=estimate(0.01, margin=0.005), slope_after=estimate(1.0, margin=0.2))
    newer = champion().model_copy(update={"release_id": "2026-06-01-newer"})
    (reason,) = may_promote(helps, newer).reasons
    assert "it was not compared with release 2026-06-01-newer" in reason


def test_wins_before_sql_by_the_champion_s_own_recipe_are_judged_and_not_made_anew():
    same = compared().recipes[0].model_copy(update={"transition": P_WIN_BEFORE_SQL})
    told = in_use().model_copy(update={"transition": P_WIN_BEFORE_SQL, "difference": None})
    verdict = may_promote(release(), champion(), comparison=compared(recipes=(same,), in_use=(told,)))
    assert verdict.allows
    assert [check.says for check in verdict.checks if check.name == "champion"] == [
        "p_win before SQL: the champion's own recipe is not made anew for it"
    ]


def test_a_champion_that_tells_wins_clearly_better_holds_a_candidate_back():
    told = in_use(low=0.001, high=0.02).model_copy(update={"transition": P_WIN_BEFORE_SQL})
    [reason] = reasons(release(), champion(), compared(in_use=(told,)))
    assert reason.startswith("p_win before SQL: the champion in use is clearly better")
