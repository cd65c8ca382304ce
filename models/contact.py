"""Whom sales contacted: a model of the chance of contact, and what it says about the leads without an outcome.

Only contacted leads have an outcome, and the old rule chose them. If, among leads with the same features, those that
were contacted are like the others, a model of the outcome needs no correction where it is flexible enough (Shimodaira,
2000, J Stat Plan Inference 90:227). How far that carries is told here: by overlap, by bounds that assume nothing, and
by what weights would change.
"""

import datetime as dt

import numpy as np
import pandas as pd

from data_contracts.contact import ContactReport, MonthOfContact, RateBounds, WeightingEffect
from data_contracts.estimates import Estimate
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus
from models.association import auc_estimate
from models.calibrate import calibrated, clipped
from models.estimators import logistic_setting
from models.evaluate import Z_95
from models.evidence import LEAST_ACCOUNTS, evidence_of
from models.fit import Fitter, HeldOut
from models.fitted import ContactModel
from models.judge import LEAST_TEST_OUTCOMES, LEAST_TRAIN_OUTCOMES
from models.overlap import Floats, contact_weights, effective_size, overlap_of
from models.recipe import Recipe
from models.select import paired_gain
from models.split import Split, converted_or_not, learning_rows, split_at
from models.threads import in_one_thread

CONTACT = Recipe((logistic_setting(-3),))
"""How the chance of contact is learnt. No recipe is searched for: the chances serve weights and diagnostics only."""

MOST_ENTRIES = 60_000
"""Entries that are looked at, of whole accounts drawn at random: more would narrow no interval that matters."""

HAS_REACHED, RAW_CHANCE, CHANCE, STANDS_FOR = "has_reached", "raw_p_contact", "p_contact", "stands_for"
"""The columns that are added: whether the lead converted, its chance of contact before and after calibration, and its
weight as one of all leads."""


@in_one_thread
def contact_report(table: LabelledTable, recipe: Recipe, *, test_from: dt.datetime, seed: int) -> ContactReport | None:
    """Which leads of `table` sales contacted, and how far those stand for all that entered the stage.

    Parameters
    ----------
    table
        With entries that were never contacted beside those with a label.
    recipe
        What was chosen for the outcome. It is fitted on what was known at `test_from`, without young leads.
    test_from
        Where the test begins (UTC, naive).
    seed
        Of everything that is drawn.

    Returns
    -------
    ContactReport or None
        None where contact is assumed, the transition needs none, or contacted or never-contacted leads are too few on
        either side of `test_from` to tell them apart.
    """
    who = entries_of(table)
    if not _is_enough(split_at(who.labelled(), test_from)):
        return None
    entries = with_chances(who, seed=seed)
    parts = split_at(entries, test_from)
    train = split_at(standing_for_all(table, entries), test_from).train
    if not _is_enough(parts) or evidence_of(train).n_rarer < LEAST_TRAIN_OUTCOMES:
        return None
    fitter = Fitter(table.columns, seed)
    later = parts.test
    plain = fitter.predicted(recipe, train, later, at=None)
    weighted = fitter.predicted(recipe, weighted_for_contact(train), later, at=None)
    contacted, chance = _contacted(entries), entries[CHANCE].to_numpy()
    overlap = overlap_of(chance, contacted)
    return ContactReport(
        transition=table.transition,
        test_from=test_from,
        test_until=later["as_of"].max().to_pydatetime(),
        n_leads=len(entries),
        n_contacted=int(contacted.sum()),
        auc=_forward_auc(parts, fitter),
        n_unlike=int(overlap.is_unlike.sum()),
        unlike_up_to=float(entries.loc[overlap.is_unlike, RAW_CHANCE].max()) if overlap.is_unlike.any() else None,
        thin_below=overlap.thin_below,
        n_thin=int(overlap.is_thin.sum()),
        n_effective=effective_size(entries[STANDS_FOR].to_numpy()),
        months=_months(entries, overlap.is_unlike),
        rate=_rate(later, plain),
        weighting=_effect(later, plain, weighted),
    )


def entries_of(table: LabelledTable) -> LabelledTable:
    """The mature entries of `table` with contact in place of the outcome: `converted` says whether sales contacted.

    The outcome itself stands in `has_reached`. It means something for contacted leads only.
    """
    known = (OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED, OutcomeStatus.NEVER_CONTACTED)
    frame = table.frame
    entries = frame[(frame["day"] == ENTRY) & frame["outcome_status"].isin(known)]
    is_contacted = entries["outcome_status"] != OutcomeStatus.NEVER_CONTACTED
    entries = entries.assign(
        **{HAS_REACHED: entries["converted"]},
        converted=is_contacted,
        outcome_status=np.where(is_contacted, OutcomeStatus.CONVERTED.value, OutcomeStatus.NOT_CONVERTED.value),
        weight=1.0,
    )
    return LabelledTable(
        transition=table.transition,
        horizon_days=table.horizon_days,
        frame=entries,
        columns=table.columns,
        catalogue_digest=table.catalogue_digest,
        counts=table.counts,
        extracted_at=table.extracted_at,
        sampled_share=table.sampled_share,
    )


def with_chances(who: LabelledTable, *, seed: int) -> pd.DataFrame:
    """The rows of `who` with their chances, learnt from other accounts, and with `stands_for`, the weight these give.

    Weights go wrong where chances are too extreme, so that all of them are calibrated together, by a sigmoid.

    Raises `ValueError` where fewer accounts were contacted, or never contacted, than there are parts.
    """
    entries = learning_rows(who, most_rows=MOST_ENTRIES)
    seen = Fitter(who.columns, seed).cross_predictions(CONTACT.settings, entries)
    chance = calibrated(seen.calibrator("sigmoid"), seen.raw)
    weight = contact_weights(chance, _contacted(entries))
    return entries.assign(**{RAW_CHANCE: seen.raw, CHANCE: chance, STANDS_FOR: weight})


def contact_model(table: LabelledTable, report: ContactReport | None, *, seed: int) -> ContactModel | None:
    """What tells leads that are unlike every labelled one, by the limit in `report`; None where there are no such.

    It learns from all entries that the report was made of.
    """
    if report is None or report.unlike_up_to is None:
        return None
    entries = learning_rows(entries_of(table), most_rows=MOST_ENTRIES)
    (estimator,) = Fitter(table.columns, seed).make(CONTACT, entries, at=None).estimators
    return ContactModel(estimator, unlike_up_to=report.unlike_up_to)


def standing_for_all(table: LabelledTable, entries: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows of `table` whose lead is in `entries`, with the `stands_for` of its latest entry.

    A later snapshot gets the weight of its entry. Its own features know whether sales has called.

    A lead that was contacted only after the horizon of its entry was never contacted as it entered. Its later rows
    have a label and take the weight that its chance gives.
    """
    share, cut = _contacted(entries).mean(), entries.loc[_contacted(entries), STANDS_FOR]
    weight = np.clip(share / entries[CHANCE], cut.min(), cut.max())
    known = entries[["lead_id", "as_of"]].assign(**{STANDS_FOR: weight})
    rows = pd.merge_asof(learning_rows(table), known, on="as_of", by="lead_id")
    return rows[rows[STANDS_FOR].notna()]


def weighted_for_contact(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` whose weights let them stand for all leads that entered, not for the contacted ones alone."""
    return rows.assign(weight=rows["weight"] * rows[STANDS_FOR])


def mean_estimate(values: Floats, group: np.ndarray, *, weight: Floats | None = None) -> Estimate:
    """The weighted mean of `values`, with its interval over the groups (accounts).

    >>> mean_estimate(np.array([1.0, 1.0]), np.array([0, 1]))
    Estimate(value=1.0, low=1.0, high=1.0)
    """
    weight = np.ones(len(values)) if weight is None else weight
    mean = float(np.average(values, weights=weight))
    _, place = np.unique(group, return_inverse=True)
    error = np.sqrt(np.sum(np.bincount(place, weight * (values - mean)) ** 2)) / weight.sum()
    return Estimate(value=mean, low=float(mean - Z_95 * error), high=float(mean + Z_95 * error))


def _is_enough(parts: Split) -> bool:
    """Whether contacted leads can be told from the others, before the test and in it."""
    needed = ((parts.train, LEAST_TRAIN_OUTCOMES), (parts.test, LEAST_TEST_OUTCOMES))
    known = [(evidence_of(rows), least) for rows, least in needed]
    return all(one.n_rarer >= least and one.n_accounts >= LEAST_ACCOUNTS for one, least in known)


def _contacted(entries: pd.DataFrame) -> np.ndarray:
    return entries["converted"].to_numpy(dtype=bool)


def _forward_auc(parts: Split, fitter: Fitter) -> Estimate:
    """Of the chance of contact, learnt on earlier leads and judged on later ones."""
    chance = fitter.predicted(CONTACT, parts.train, parts.test, at=None)
    return auc_estimate(chance, converted_or_not(parts.test), pd.factorize(parts.test["group_id"])[0])


def _months(entries: pd.DataFrame, is_unlike: np.ndarray) -> tuple[MonthOfContact, ...]:
    told = pd.DataFrame(
        {"month": entries["as_of"].dt.strftime("%Y-%m"), "contacted": _contacted(entries), "unlike": is_unlike}
    )
    counted = told.groupby("month").agg(n=("unlike", "size"), contacted=("contacted", "sum"), unlike=("unlike", "sum"))
    return tuple(
        MonthOfContact(month=str(month), n_leads=int(n_leads), n_contacted=int(n_contacted), n_unlike=int(n_unlike))
        for month, n_leads, n_contacted, n_unlike in counted.itertuples()
    )


def _rate(later: pd.DataFrame, p: Floats) -> RateBounds:
    """What share of the leads `later`, whose predicted probabilities are `p`, would have converted if contacted.

    Under the named assumption it is the mean prediction, and on top of it what predictions miss among the contacted,
    weighted so that these stand for all (augmented inverse-probability weighting: Robins, Rotnitzky and Zhao, 1994, J
    Am Stat Assoc 89:846). It is right if either the predictions or the chances of contact are.
    """
    contacted, group = _contacted(later), later["group_id"].to_numpy()
    reached = np.where(contacted, later[HAS_REACHED].to_numpy(dtype=bool), False).astype(np.float64)
    weight = later[STANDS_FOR].to_numpy()
    missed = np.average(reached - p, weights=weight)
    # What each lead adds: its prediction, and its share of the correction. Their mean is the estimate.
    pull = p + missed + weight / weight.mean() * (reached - p - missed)
    return RateBounds(
        n_leads=len(later),
        n_contacted=int(contacted.sum()),
        contacted=_within_0_and_1(mean_estimate(reached[contacted], group[contacted])),
        lowest=_within_0_and_1(mean_estimate(reached, group)),
        highest=_within_0_and_1(mean_estimate(np.where(contacted, reached, 1.0), group)),
        if_alike=_within_0_and_1(mean_estimate(pull, group)),
    )


def _effect(later: pd.DataFrame, plain: Floats, weighted: Floats) -> WeightingEffect:
    group, contacted = later["group_id"].to_numpy(), _contacted(later)
    return WeightingEffect(
        plain=mean_estimate(plain, group),
        weighted=mean_estimate(weighted, group),
        change=mean_estimate(weighted - plain, group),
        gain_among_contacted=_gain(later, plain, weighted, weight=contacted.astype(np.float64)),
        gain_among_all=_gain(later, plain, weighted, weight=later[STANDS_FOR].to_numpy()),
    )


def _gain(later: pd.DataFrame, plain: Floats, weighted: Floats, *, weight: Floats) -> Estimate:
    """Log loss of `plain` less that of `weighted` on contacted leads."""
    kept = _contacted(later)
    outcome = later.loc[kept, HAS_REACHED].to_numpy(dtype=np.int64)
    lead, group = (later.loc[kept, name].to_numpy() for name in ("lead_id", "group_id"))
    known = HeldOut(raw=plain[kept], outcome=outcome, weight=weight[kept], group=group, lead=lead)
    gain = paired_gain(clipped(plain[kept]), clipped(weighted[kept]), known)
    half = Z_95 * gain.standard_error
    return Estimate(value=gain.value, low=gain.value - half, high=gain.value + half)


def _within_0_and_1(estimate: Estimate) -> Estimate:
    figures = estimate.model_dump()
    return Estimate(**{name: None if x is None else min(max(x, 0.0), 1.0) for name, x in figures.items()})
