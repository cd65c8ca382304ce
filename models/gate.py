"""The gate: whether a candidate release may go into force without anybody asked, with all reasons at once."""

from collections.abc import Iterator

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, ESTIMATORS, age_judged, day_judged
from data_contracts.gate import (
    ChampionComparison,
    ChampionInUse,
    GateCheck,
    GateVerdict,
    Promotion,
    RecipeComparison,
    is_worse,
    not_yet_judged,
)
from data_contracts.recalibration import FOLLOWS, P_WIN_BEFORE_SQL, SAID, Recalibration
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text

SLOPES = (2 / 3, 3 / 2)
"""Calibration slopes at the acting age that are let through. Take the leads that are given 30 %: with a slope of 3/2,
22 % of them convert, with one of 2/3, 36 % do. Beyond that, expected values and the hand-off rest on wrong figures."""

HIGHEST_AUC = 0.95
"""Area under the ROC curve beyond which a field knew the answer. Lead scoring on what is known at entry lies between
0.6 and 0.85; a field that is filled in once a lead has bought gave .96 to .99."""


def may_promote(
    candidate: ReleaseManifest,
    champion: ReleaseManifest | None,
    *,
    comparison: ChampionComparison | None = None,
    taken_out: Promotion | None = None,
) -> GateVerdict:
    """Whether `candidate` may take the place of `champion`; a check that fails says why, with its figures.

    | check | passes if, for each transition |
    |---|---|
    | signal | the candidate's model has signal; without signal, if the champion has none either |
    | leaks | no attribute and no kind that its model reads is an open leak or suspect, and the AUC reaches below .95 |
    | calibration | the 95 % interval of its calibration slope at the acting age reaches into `SLOPES` (after a mend: |
    | | that of later leads, and the mend does not clearly lose) |
    | history | no person took it out of force since it was last put there |
    | configuration | it has the champion's source, definitions, declared attributes and features |
    | recipe | its recipe is not clearly worse than the champion's, both made of and judged on the same leads |
    | champion | it is not clearly worse than the champion as published, on leads that entered after its extract |

    Calibration after a mend, recipe and champion are asked of wins before SQL as well, where two transitions lead to a
    win. Signal, leaks and calibration are asked of the first release as well. Clearly worse is: the 95 % interval of
    the difference in log loss at the acting age lies wholly on the champion's side.

    Parameters
    ----------
    candidate
        The release that asks.
    champion
        The release in force; None where there is none.
    comparison
        What training found when it held the candidate against the champion of that time; None where it did not.
    taken_out
        The entry of the history by which a person took the candidate out of force; None where nobody did.
    """
    checks = [check for summary in candidate.transitions for check in _own_checks(summary, champion)]
    checks += _chain_mended(candidate)
    if taken_out is not None:
        says = f"it was taken out of force on {taken_out.at:%Y-%m-%d} by {taken_out.by}: {taken_out.because}"
        checks.append(GateCheck(name="history", passes=False, says=says))
    checks += _against(candidate, champion, comparison)
    return GateVerdict(
        release_id=candidate.release_id,
        champion_id="" if champion is None else champion.release_id,
        checks=tuple(checks),
    )


def held_back_unread(candidate: ReleaseManifest, error: Exception) -> GateVerdict:
    """The verdict on `candidate` where the release in force cannot be read: a person decides."""
    alone = may_promote(candidate, None)
    says = f"the release in force cannot be read and compared with: {error}"
    return alone.model_copy(update={"checks": (*alone.checks, GateCheck(name="champion", passes=False, says=says))})


def differing_parts(candidate: ReleaseManifest, champion: ReleaseManifest) -> tuple[str, ...]:
    """In what `candidate` was made otherwise than `champion`, by path in the settings file.

    `catalogue` is named where nothing else differs: the code that computes the features has changed.
    """
    source = f"crm.source {champion.source} -> {candidate.source}"
    differing = champion.configuration.differences(candidate.configuration)
    if candidate.source != champion.source:
        return (source, *differing)
    if not differing and candidate.catalogue_digest != champion.catalogue_digest:
        return (f"catalogue {champion.catalogue_digest} -> {candidate.catalogue_digest}",)
    return differing


def _own_checks(summary: TransitionSummary, champion: ReleaseManifest | None) -> tuple[GateCheck, ...]:
    counterpart = None if champion is None else _counterpart(champion, summary.transition)
    if summary.recalibration is not None:
        return (_signal(summary, counterpart), *_leaks(summary), _mended(summary.transition, summary.recalibration))
    if summary.estimator == BASE_RATE_BY_AGE:
        return (_signal(summary, counterpart),)
    return (_signal(summary, counterpart), *_leaks(summary), _calibration(summary))


def _counterpart(manifest: ReleaseManifest, transition: Transition) -> TransitionSummary | None:
    return next((summary for summary in manifest.transitions if summary.transition == transition), None)


def _signal(summary: TransitionSummary, champion: TransitionSummary | None) -> GateCheck:
    acting, overall = summary.at_acting_age, summary.at_all_ages
    figures = (
        f"gain over the base rate by age at all ages {estimate_text(overall.model.gain, least=4)}, "
        f"AUC {age_judged(acting)} {estimate_text(acting.model.auc)}"
    )
    if summary.estimator != BASE_RATE_BY_AGE:
        return GateCheck(name="signal", passes=True, says=f"{summary.transition}: {figures}")
    if champion is None or champion.estimator == BASE_RATE_BY_AGE:
        says = f"{summary.transition}: no signal, so it publishes the base rate by age; {figures}"
        return GateCheck(name="signal", passes=True, says=says)
    has_some = f"the champion's {ESTIMATORS.get(champion.estimator, champion.estimator)} has some"
    says = f"{summary.transition}: it found no signal and {has_some}; {figures}"
    return GateCheck(name="signal", passes=False, says=says)


def _leaks(summary: TransitionSummary) -> Iterator[GateCheck]:
    """Whether the whole model is too good to be true; and, where anybody looked, what it reads that knew the answer."""
    judged = summary.at_acting_age
    auc = f"the AUC {age_judged(judged)} is {estimate_text(judged.model.auc)}"
    if judged.model.auc.low is not None and judged.model.auc.low > HIGHEST_AUC:
        says = (
            f"{summary.transition}: it is too good to be true, {auc}; look for an attribute that is filled in once the "
            "outcome is known, and leave it out of [crm.attributes]"
        )
        yield GateCheck(name="leaks", passes=False, says=says)
    # The model as a whole is judged above, by its AUC at the acting age.
    findings = summary.leaks.holding_back if summary.leaks is not None else ()
    names = ", ".join(f"{finding.name} ({finding.verdict})" for finding in findings if finding.subject != "model")
    if names:
        says = (
            f"{summary.transition}: it may have known the outcome by {names}, and `leadscore leaks` says why; leave "
            "them out of [crm.attributes], or allow them with a reason (allowed_because of an attribute, "
            "[crm.allowed_kinds])"
        )
        yield GateCheck(name="leaks", passes=False, says=says)
    elif summary.leaks is None:
        yield GateCheck(name="leaks", passes=None, says=f"{summary.transition}: nobody looked for leaks; {auc}")
    else:
        yield GateCheck(name="leaks", passes=True, says=f"{summary.transition}: no open leak or suspect; {auc}")


def _mended(name: str, told: Recalibration) -> GateCheck:
    """Whether the mend of a release's probabilities helps on leads of other accounts."""
    says = (
        f"{name}: {SAID[told.mend]}, which gains {estimate_text(told.gain, least=4)} on {told.n_leads:,} "
        f"leads since {told.entered_from:%Y-%m-%d}; their calibration slope was "
        f"{estimate_text(told.slope_before, least=2)} and is {estimate_text(told.slope_after, least=2)}"
    )
    is_worse = told.gain.high is not None and told.gain.high < 0
    return GateCheck(name="calibration", passes=not is_worse and not _is_off(told.slope_after), says=says)


def _chain_mended(candidate: ReleaseManifest) -> list[GateCheck]:
    """The same of wins before SQL, in a release of mended transitions."""
    if candidate.chain is None or candidate.inputs.parent is None:
        return []
    if candidate.chain.recalibration is None:
        return [GateCheck(name="calibration", passes=None, says=f"{P_WIN_BEFORE_SQL}: {FOLLOWS}")]
    return [_mended(P_WIN_BEFORE_SQL, candidate.chain.recalibration)]


def _is_off(slope: Estimate) -> bool:
    """Whether the interval of a calibration slope lies wholly outside of `SLOPES`."""
    return slope.low is not None and slope.high is not None and (slope.high < SLOPES[0] or slope.low > SLOPES[1])


def _calibration(summary: TransitionSummary) -> GateCheck:
    judged = summary.at_acting_age
    slope = judged.model.calibration_slope
    told = (
        f"the calibration slope {age_judged(judged)} is {estimate_text(slope, least=2)} and may be {SLOPES[0]:.2f} to "
        f"{SLOPES[1]:.2f}"
    )
    if _is_off(slope):
        leaning = "extreme" if slope.high is not None and slope.high < SLOPES[0] else "timid"
        says = f"{summary.transition}: its probabilities are too {leaning}, {told}"
        return GateCheck(name="calibration", passes=False, says=says)
    return GateCheck(name="calibration", passes=True, says=f"{summary.transition}: {told}")


def _against(
    candidate: ReleaseManifest, champion: ReleaseManifest | None, comparison: ChampionComparison | None
) -> list[GateCheck]:
    """What is asked of a candidate because there is a champion."""
    if champion is None:
        return [GateCheck(name="configuration", passes=None, says="nothing is in force, so its own comes into force")]
    if differing := differing_parts(candidate, champion):
        told = f"it was made under another configuration than the one in force: {', '.join(differing)}"
        says = f"not compared with {champion.release_id}: figures of other outcomes or features are of other things"
        return [
            GateCheck(name="configuration", passes=False, says=told),
            GateCheck(name="recipe", passes=None, says=says),
        ]
    same = GateCheck(name="configuration", passes=True, says=f"it is that of {champion.release_id}, which is in force")
    if candidate.release_id == champion.release_id:
        return [same, GateCheck(name="recipe", passes=None, says="it is the release in force itself")]
    parent = candidate.inputs.parent
    if parent is not None and parent.release_id == champion.release_id:
        return [same, GateCheck(name="recipe", passes=True, says="the champion's own models, with their level mended")]
    return [same, *_compared(champion, comparison)]


def _compared(champion: ReleaseManifest, comparison: ChampionComparison | None) -> list[GateCheck]:
    """What is asked of a candidate that was held against `champion` in training, or should have been."""
    if comparison is None or comparison.champion_id != champion.release_id:
        says = (
            f"it was not compared with release {champion.release_id}, which is in force now; "
            "`leadscore train` compares, or says why it cannot"
        )
        return [GateCheck(name="recipe", passes=False, says=says)]
    if comparison.not_compared_because:
        says = f"it was not compared with release {champion.release_id}: {comparison.not_compared_because}"
        return [GateCheck(name="recipe", passes=False, says=says)]
    unjudged = (GateCheck(name="champion", passes=None, says=says) for says in not_yet_judged(comparison))
    same = {one.transition for one in comparison.recipes if one.is_one_recipe}
    judged = (one for one in comparison.in_use if one.at_acting_age is not None)
    in_use = (_in_use(one, is_one_recipe=one.transition in same) for one in judged)
    return [*(_recipe(one) for one in comparison.recipes), *in_use, *unjudged]


def _recipe(compared: RecipeComparison) -> GateCheck:
    begin = f"{compared.transition}: "
    if compared.is_one_recipe:
        return GateCheck(name="recipe", passes=True, says=f"{begin}the champion's own recipe ({compared.champion})")
    told = (
        f"log loss {day_judged(compared.acting_day)} on {compared.n_leads:,} leads differs from that of the champion's "
        f"by {estimate_text(compared.at_acting_age, least=4)}: {compared.candidate} against {compared.champion}"
    )
    if is_worse(compared.at_acting_age):
        return GateCheck(name="recipe", passes=False, says=f"{begin}its recipe is clearly worse, {told}")
    return GateCheck(name="recipe", passes=True, says=f"{begin}its recipe is not clearly worse, {told}")


def _in_use(judged: ChampionInUse, *, is_one_recipe: bool) -> GateCheck:
    begin, day = f"{judged.transition}: ", day_judged(judged.acting_day)
    if judged.difference is None and is_one_recipe and judged.transition == P_WIN_BEFORE_SQL:
        return GateCheck(name="champion", passes=None, says=f"{begin}the champion's own recipe is not made anew for it")
    if judged.difference is None:
        says = f"{begin}too few leads that the champion in use was judged on are in the candidate's test to compare"
        return GateCheck(name="champion", passes=None, says=says)
    told = (
        f"log loss {day} on {judged.n_shared:,} leads that entered after {judged.entered_after:%Y-%m-%d} differs from "
        f"the published champion's by {estimate_text(judged.difference, least=4)}"
    )
    if is_worse(judged.difference):
        return GateCheck(name="champion", passes=False, says=f"{begin}the champion in use is clearly better, {told}")
    return GateCheck(name="champion", passes=True, says=f"{begin}not clearly worse than the champion in use, {told}")
