"""When a candidate release may go to production without anybody asked."""

from data_contracts.releases import Evaluation, ReleaseManifest, TransitionSummary
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text


def may_promote(candidate: ReleaseManifest, production: ReleaseManifest | None) -> str | None:
    """Why `candidate` may not replace `production` by itself, as a sentence; None where it may.

    The first release may always go: until then nobody gets a score, and where no signal was found it says so. After
    that, a candidate may go if all of this holds; otherwise a person decides and promotes by name.

    - It was made from the same source and under the same definitions. Other outcomes make other figures: they cannot
      be compared, and a change of the agreement is for both teams to put into force.
    - For each transition it has a model with signal, or production has none either.
    - For each transition its gain over the base rate is not clearly worse: the 95 % interval of its gain does not lie
      wholly below that of production's. Both were judged on the latest leads of their own day, so this compares how
      much each added to what was known, and a worse season alone does not block a candidate.

    Parameters
    ----------
    candidate
        The release that was just trained.
    production
        The release in force; None where there is none.
    """
    if production is None:
        return None
    if candidate.source != production.source:
        return f"it was trained on {candidate.source!r} and production on {production.source!r}"
    if candidate.definitions_digest != production.definitions_digest:
        return (
            f"it was trained under definitions {candidate.definitions_version} and production under "
            f"{production.definitions_version}, whose content differs: their figures cannot be compared"
        )
    reasons = (_worse(summary, _counterpart(production, summary.transition)) for summary in candidate.transitions)
    return next((reason for reason in reasons if reason is not None), None)


def deciding_evaluation(summary: TransitionSummary) -> Evaluation:
    """The evaluation on leads at all moments, as in scoring: the one that decides whether there is signal.

    The last one where each is limited to one kind of moment.
    """
    at_all = (evaluation for evaluation in summary.evaluations if evaluation.moment is None)
    return next(at_all, summary.evaluations[-1])


def _counterpart(manifest: ReleaseManifest, transition: Transition) -> TransitionSummary | None:
    return next((summary for summary in manifest.transitions if summary.transition == transition), None)


def _worse(candidate: TransitionSummary, production: TransitionSummary | None) -> str | None:
    if production is None or production.estimator == "base_rate":
        return None
    if candidate.estimator == "base_rate":
        return f"{candidate.transition}: it found no signal and production's {production.estimator} has some"
    new, old = deciding_evaluation(candidate).model.gain, deciding_evaluation(production).model.gain
    if new.high is not None and old.low is not None and new.high < old.low:
        return (
            f"{candidate.transition}: its gain over the base rate is {estimate_text(new, least=4)} and production's "
            f"{estimate_text(old, least=4)}, clearly worse"
        )
    return None
