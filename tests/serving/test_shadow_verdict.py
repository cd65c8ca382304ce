"""The verdict in words: which does better, how sure that is, and what to do."""

import pytest

from data_contracts.estimates import Estimate
from data_contracts.shadow import OldRule, ShadowComparison, ShadowFigure, SideFigures
from serving.shadow_verdict import standing_of, verdict_text

RULE = OldRule(kind="points", threshold=30.0, said="the point rule (30 points and more)")


def about(value: float, margin: float = 2.0) -> Estimate:
    return Estimate(value=value, low=value - margin, high=value + margin)


def told(difference: float, *, worst: float, best: float, unknown: float = 10.0, measured="SQLs") -> ShadowFigure:
    rule = SideFigures(known=12.0, unknown=unknown, if_alike=about(20.0))
    model = SideFigures(known=12.0, unknown=unknown, if_alike=about(20.0 + difference))
    return ShadowFigure(
        measured=measured, n_weeks=20, n_immature_weeks=6, rule=rule, model=model, known=about(0.0),
        if_alike=about(difference), worst=about(worst), best=about(best), breaks_even=0.4,
    )  # fmt: skip


def comparison(*figures: ShadowFigure, terms="equal_volume", n_only: int = 260) -> ShadowComparison:
    return ShadowComparison(
        terms=terms, rule_leads=40.0, model_leads=40.0, n_both=780, n_only_rule=n_only, n_only_model=n_only,
        rule_called=0.31, model_called=0.25, only_model_called=0.03, figures=figures,
    )  # fmt: skip


def verdict(equal: ShadowComparison, capacity: ShadowComparison | None = None) -> str:
    capacity = capacity or comparison(*equal.figures, terms="capacity")
    return verdict_text((equal, capacity), RULE, n_weeks=26, days_to_a_win=150, leads_per_week=45)


@pytest.mark.parametrize(
    ("figure", "standing"),
    [
        (told(6, worst=3, best=9), "model"),
        (told(6, worst=-30, best=40), "model_if_alike"),
        (told(1, worst=-30, best=40), "cannot_tell"),
        (told(-6, worst=-30, best=40), "rule_if_alike"),
        (told(-6, worst=-9, best=-3), "rule"),
        (told(6, worst=1, best=9), "model_if_alike"),
    ],
)
def test_what_holds_depends_on_the_whole_interval_and_on_what_nobody_knows(figure, standing):
    assert standing_of(comparison(figure)) == standing


def test_no_week_that_is_old_enough_tells_nothing():
    assert standing_of(comparison()) == "cannot_tell"
    assert "No week is old enough" in verdict(comparison())


def test_a_model_that_is_better_if_uncalled_leads_are_alike_is_to_be_tried_first():
    said = verdict(comparison(told(6, worst=-30, best=40)))
    assert said.startswith("The model probably does better than the point rule (30 points and more), but that hangs on")
    assert "Sales called 31% of the rule's leads and 25% of the model's" in said
    assert "the rule's leads bring about 20 SQLs a week and the model's between 4.0 and 8.0 more" in said
    assert (
        "Of the leads that only the model would hand off, sales called 3%: the model is ahead as long as the others "
        "bring 40% of what they look like."
    ) in said
    assert "from 30 fewer a week" in said
    assert "Wins cannot be counted yet: that takes 150 days" in said
    assert "What to do: before you switch for good, let sales call some of the 10 leads a week" in said


def test_nobody_can_tell_and_the_rule_stays():
    said = verdict(comparison(told(1, worst=-1, best=1, unknown=0.0)))
    assert said.startswith("We cannot tell whether the model or the point rule")
    assert "between 1.0 fewer and 3.0 more" in said
    assert "nobody knows" not in said
    assert said.endswith("What to do: keep the rule for now, and run this report again when more weeks have passed.")


def test_the_rule_may_do_better():
    said = verdict(comparison(told(-6, worst=-9, best=-3)))
    assert said.startswith("We would do worse with the model: the point rule (30 points and more) does better.")
    assert "Even if every uncalled lead of the model had succeeded, it would be between 1.0 and 5.0 fewer." in said
    assert said.endswith("What to do: keep the rule.")


def test_where_the_rule_takes_every_lead_what_sales_can_work_decides():
    same = comparison(told(0, worst=0, best=0, unknown=0.0), n_only=0)
    better = comparison(told(6, worst=6, best=6, unknown=0.0), terms="capacity")
    said = verdict(same, better)
    assert said.startswith("The model does better")
    assert "with as many leads the model could only take the same ones" in said
    assert "With the 45 leads a week that sales can work, the rule's leads bring about 20 SQLs" in said


def test_wins_are_told_of_the_weeks_that_are_old_enough():
    wins = told(1, worst=-3, best=3, measured="wins").model_copy(update={"n_weeks": 4, "n_immature_weeks": 22})
    said = verdict(comparison(told(6, worst=3, best=9), wins))
    assert "Of wins, 4 of the 26 weeks can be counted, since it takes 150 days to know" in said
