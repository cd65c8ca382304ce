"""When a candidate release may go to production without anybody asked."""

from data_contracts.evaluation_table import BASE_RATE_BY_AGE, age_judged
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text

SLOPES = (2 / 3, 3 / 2)
"""Calibration slopes at the acting age that are let through. Take the leads that are given 30 %: with a slope of 3/2,
22 % of them convert, with one of 2/3, 36 % do. Beyond that, expected values and the hand-off rest on wrong figures."""

HIGHEST_AUC = 0.95
"""Area under the ROC curve beyond which a field knew the answer. Lead scoring on what is known at entry lies between
0.6 and 0.85; a field that is filled in once a lead has bought gave .96 to .99."""


def reasons_against(candidate: ReleaseManifest, production: ReleaseManifest | None) -> tuple[str, ...]:
    """Why `candidate` may not replace `production` by itself, each as a sentence; empty where it may.

    A candidate may go if all of this holds; otherwise a person decides and promotes by name.

    - For each transition that has a model, the 95 % interval of the calibration slope at the acting age reaches into
      `SLOPES`, and that of the AUC reaches below `HIGHEST_AUC`. This holds for the first release as well.
    - It was made under the configuration in force: same source, definitions, declared attributes and features. Other
      outcomes make other figures, and a change of the agreement is for both teams to put into force.
    - For each transition it has a model with signal, or production has none either.
    - For each transition its gain over the base rate by age is not clearly worse: the 95 % interval of its gain does
      not lie wholly below that of production's. Each was evaluated on the latest leads of its own day. So this
      compares how much each added to what was known, and a worse season alone does not block a candidate.

    Releases under different configurations are not compared by their gain: their figures are of different things.

    Parameters
    ----------
    candidate
        The release that was just trained.
    production
        The release in force; None where there is none.
    """
    doubts = [reason for summary in candidate.transitions for reason in _doubts(summary)]
    if production is None:
        return tuple(doubts)
    if differing := differing_parts(candidate, production):
        return (*doubts, f"it was made under another configuration than the one in force: {', '.join(differing)}")
    compared = (_worse(summary, _counterpart(production, summary.transition)) for summary in candidate.transitions)
    return (*doubts, *(reason for reason in compared if reason is not None))


def differing_parts(candidate: ReleaseManifest, production: ReleaseManifest) -> tuple[str, ...]:
    """In what `candidate` was made otherwise than `production`, by path in the settings file.

    `catalogue` is named where nothing else differs: the code that computes the features has changed.
    """
    source = f"crm.source {production.source} -> {candidate.source}"
    differing = production.configuration.differences(candidate.configuration)
    if candidate.source != production.source:
        return (source, *differing)
    if not differing and candidate.catalogue_digest != production.catalogue_digest:
        return (f"catalogue {production.catalogue_digest} -> {candidate.catalogue_digest}",)
    return differing


def _counterpart(manifest: ReleaseManifest, transition: Transition) -> TransitionSummary | None:
    return next((summary for summary in manifest.transitions if summary.transition == transition), None)


def _doubts(summary: TransitionSummary) -> list[str]:
    """What makes a transition's model unfit to act on: figures of later leads, at the acting age."""
    if summary.estimator == BASE_RATE_BY_AGE:
        return []
    doubts = []
    judged = summary.at_acting_age
    slope, auc, age = judged.model.calibration_slope, judged.model.auc, age_judged(judged)
    if slope.low is not None and slope.high is not None and (slope.high < SLOPES[0] or slope.low > SLOPES[1]):
        leaning = "extreme" if slope.high < SLOPES[0] else "timid"
        doubts.append(
            f"{summary.transition}: its probabilities are too {leaning}, the calibration slope {age} is "
            f"{estimate_text(slope, least=2)} and may be {SLOPES[0]:.2f} to {SLOPES[1]:.2f}"
        )
    if auc.low is not None and auc.low > HIGHEST_AUC:
        doubts.append(
            f"{summary.transition}: it is too good to be true, the AUC {age} is {estimate_text(auc)}; "
            "look for an attribute that is filled in once the outcome is known, and leave it out of [crm.attributes]"
        )
    return doubts


def _worse(candidate: TransitionSummary, production: TransitionSummary | None) -> str | None:
    if production is None or production.estimator == BASE_RATE_BY_AGE:
        return None
    if candidate.estimator == BASE_RATE_BY_AGE:
        return f"{candidate.transition}: it found no signal and production's {production.estimator} has some"
    new, old = candidate.at_acting_age.model.gain, production.at_acting_age.model.gain
    if new.high is not None and old.low is not None and new.high < old.low:
        return (
            f"{candidate.transition}: its gain over the base rate by age is {estimate_text(new, least=4)} and "
            f"production's {estimate_text(old, least=4)}, clearly worse"
        )
    return None
