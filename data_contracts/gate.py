"""The gate before production: what a release was asked, what it was held against, and what was ever put into force."""

import datetime as dt
from typing import Literal

from data_contracts.estimates import Estimate, Record
from data_contracts.evaluation_table import day_judged
from data_contracts.evaluations import ModelFigures
from data_contracts.record_table import table_text
from data_contracts.wording import estimate_text

CheckName = Literal["signal", "leaks", "calibration", "history", "configuration", "recipe", "champion"]
"""What the gate asks: whether a model knows something, whether it knew the answer, whether its probabilities are right,
whether a person took it out of force, whether it is under the configuration in force, whether its recipe and its
probabilities stand up to the champion's."""

LEAST_MATURE = 100
"""Mature leads of either outcome without which the champion in use is not judged: the standard error of its level is
then about a tenth of the odds."""


class GateCheck(Record):
    """One thing that was asked. `passes` is None where it could not be asked; `says` has the figures or why not."""

    name: CheckName
    passes: bool | None
    says: str


class GateVerdict(Record):
    """Whether a release may go into force without anybody asked, and all reasons why not.

    Attributes
    ----------
    release_id
        Of the candidate.
    champion_id
        Of the release that was in force; empty where none was.
    """

    release_id: str
    champion_id: str
    checks: tuple[GateCheck, ...]

    @property
    def allows(self) -> bool:
        """Whether no check fails."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """What each check that fails says."""
        return tuple(check.says for check in self.checks if check.passes is False)

    def __str__(self) -> str:
        return table_text(verdict_title(self), verdict_rows(self))


class RecipeComparison(Record):
    """The candidate's recipe and the champion's, made of the same leads and judged on the same later leads.

    Attributes
    ----------
    transition
        The transition, or `P_WIN_BEFORE_SQL`: the recipe is then that of both transitions, and of the calibrator.
    candidate, champion
        Both recipes in words.
    is_one_recipe
        Whether both are the same, so that the difference is 0.
    acting_day
        The day of the plan on which the difference decides.
    n_leads
        Leads of the test on that day.
    at_acting_age, at_all_ages
        Log loss (nats) of the candidate's recipe less that of the champion's: below 0 the candidate's is better.
    """

    transition: str
    candidate: str
    champion: str
    is_one_recipe: bool
    test_from: dt.datetime
    acting_day: int
    n_leads: int
    at_acting_age: Estimate
    at_all_ages: Estimate


class ChampionInUse(Record):
    """The champion as it was published, judged on leads that entered after its extract and are mature by now.

    Attributes
    ----------
    transition
        The transition, or `P_WIN_BEFORE_SQL`, for which a lead is mature once both horizons have passed.
    entered_after
        The champion's extract (UTC, naive).
    acting_day
        The day of the plan on which leads are counted and compared.
    n_converted, n_not_converted
        Such leads on that day, by outcome.
    at_acting_age, at_all_ages
        The champion's figures; the gain is over the base rate by age that it carries, or for wins before SQL that of
        the wins known at its extract. None below `LEAST_MATURE` of either outcome.
    n_shared
        Those of the leads that are in the candidate's test as well.
    difference
        On them, log loss of the candidate's recipe, made of what was known before they entered, less the champion's.
        None below `LEAST_MATURE` of either outcome, and for wins before SQL by one recipe, which is not made anew.
    """

    transition: str
    entered_after: dt.datetime
    acting_day: int
    n_converted: int
    n_not_converted: int
    at_acting_age: ModelFigures | None
    at_all_ages: ModelFigures | None
    n_shared: int
    difference: Estimate | None


class ChampionComparison(Record):
    """How a candidate stands against the release that was in force when it was trained.

    Attributes
    ----------
    not_compared_because
        Why nothing was compared; empty where it was.
    recipes, in_use
        One a transition, and one of wins before SQL where two transitions lead to them and enough are known.
    """

    champion_id: str
    not_compared_because: str = ""
    recipes: tuple[RecipeComparison, ...] = ()
    in_use: tuple[ChampionInUse, ...] = ()


Way = Literal["rule", "promoted", "forced", "reverted"]
"""How a release came into force: by a training, by a person past the gate, by a person against it, or put back."""


class Promotion(Record):
    """One entry of the history: a release was put into force.

    Attributes
    ----------
    number
        From 1, in order. Two that were made at once on an MLflow server have one number.
    at
        When (UTC, naive).
    by
        Who: a user's name, or the flow that did it.
    verdict
        What the gate said just before; None where a release was put back.
    """

    number: int
    version: str
    release_id: str
    at: dt.datetime
    by: str
    way: Way
    because: str
    verdict: GateVerdict | None


def is_worse(difference: Estimate) -> bool:
    """Whether the interval of a difference in log loss lies wholly on the other's side.

    >>> is_worse(Estimate(value=0.02, low=0.001, high=0.04)), is_worse(Estimate(value=0.02, low=-0.001, high=0.04))
    (True, False)
    """
    return difference.low is not None and difference.low > 0


def verdict_title(verdict: GateVerdict) -> str:
    """What was asked of which release."""
    against = f"against {verdict.champion_id}" if verdict.champion_id else "with nothing in force"
    return f"gate for {verdict.release_id}, {against}: {'passes' if verdict.allows else 'held back'}"


def verdict_rows(verdict: GateVerdict) -> list[dict[str, str]]:
    """One row a check."""
    words = {True: "passes", False: "fails", None: "not asked"}
    return [{"check": check.name, "verdict": words[check.passes], "why": check.says} for check in verdict.checks]


def recipe_rows(comparison: ChampionComparison) -> list[dict[str, str]]:
    """One row a transition: both recipes, and the difference in log loss with its 95 % interval."""
    return [
        {
            "transition": each.transition,
            "candidate's recipe": each.candidate,
            "champion's recipe": each.champion,
            "judged": day_judged(each.acting_day),
            "leads": f"{each.n_leads:,}",
            "difference": estimate_text(each.at_acting_age, least=4),
            "at all ages": estimate_text(each.at_all_ages, least=4),
        }
        for each in comparison.recipes
    ]


def in_use_rows(comparison: ChampionComparison) -> list[dict[str, str]]:
    """One row a transition and age: how good the champion was on leads that entered after its extract."""
    return [
        {
            "transition": each.transition,
            "judged": age,
            "log loss": estimate_text(figures.log_loss),
            "gain": estimate_text(figures.gain),
            "slope": estimate_text(figures.calibration_slope, least=2),
            "intercept": estimate_text(figures.calibration_intercept, least=2),
            "AUC": estimate_text(figures.auc),
        }
        for each in comparison.in_use
        for age, figures in ((day_judged(each.acting_day), each.at_acting_age), ("all ages", each.at_all_ages))
        if figures is not None
    ]


def not_yet_judged(comparison: ChampionComparison) -> list[str]:
    """A sentence for each transition whose champion is not judged in use, with the leads there are."""
    return [
        f"{each.transition}: the champion in use is not judged yet, as {each.n_converted:,} leads that converted and "
        f"{each.n_not_converted:,} that did not entered after {each.entered_after:%Y-%m-%d} and are mature "
        f"{day_judged(each.acting_day)}; {LEAST_MATURE} of either are needed"
        for each in comparison.in_use
        if each.at_acting_age is None
    ]
