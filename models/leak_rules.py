"""By which rules an attribute or activity kind is called a leak, suspect or clear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta, rankdata

from data_contracts.leaks import ByFate, Verdict
from data_contracts.privacy import masked
from data_contracts.wording import estimate_text, percent
from models.association import Association
from models.evaluate import Z_95
from models.split import converted_or_not
from models.standing import OpenLeads, Shift, coded

LEAST_LIKELIHOOD_RATIO = 6.0
"""By how much (in natural logarithms) the values of the leads that are open now must be likelier if the attribute is
written at the decision than if it never changes. The chance of that, where it never changes, is below exp(-6), a
quarter of a per cent, for each value (Royall, 2000, J Am Stat Assoc 95:760)."""

MOST_MISFIT = 2.5
"""Standard errors by which leads open now may differ from leads that were never decided. Beyond, the value is simply
new or gone, which is no evidence about the decision."""

LEAST_EXPLAINED = 0.5
"""Part of the shift that being decided must explain. The rest is chance, or drift that fits by chance."""

LEAST_FOLLOWING = 0.5
"""Rank correlation of a number with the activities after the entry beyond which it counts them."""

LEAST_CHANGE_SHARE = 0.2
"""Share of the changes within a day of the conversion beyond which they belong to it. A change at any time falls on
those two days in a few per cent."""

LEAST_LATE_SHARE = 0.1
"""Share of the activities before the entry that were recorded at the decision or later, beyond which the kind is dated
back. A day's delay in logging gives a few per cent."""

LEAST_COUNTED = 20
"""Changes or activities below which their share says little."""

HIGHEST_ALONE = 0.8
"""AUC of a single attribute that is still believed. Whole models of what is known at entry lie between 0.6 and 0.85."""

LARGEST_LEAD = 0.05
"""By how much a single attribute may rank better than all other features together."""

DECIDING_ODDS = 20.0
"""Odds of conversion, against those of all leads, beyond which a value decides (almost) by itself."""

DECIDING_SHARE = 0.1
"""A deciding value leaves at most this share of its leads to the other outcome, at the far end of the interval. Some
forty leads without exception show that."""


MOST_TOLD = 2
"""Deciding values that a reason names; more of them say nothing new."""


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """Changes of an attribute of converted leads: all, those within a day of the conversion, those at it or later."""

    n: int
    n_at_conversion: int
    n_after: int


@dataclass(frozen=True, slots=True)
class RecordingCounts:
    """Activities of a kind that are said to lie before the entry, by fate of the lead, and those recorded late of them.

    `n_late_...` were recorded at the decision or later. `n_ahead` of all `n` were recorded before they occurred.
    `by_fate` counts the leads that have any at the extract.
    """

    n_early_converted: int
    n_late_converted: int
    n_early_closed: int
    n_late_closed: int
    n_ahead: int
    n: int
    by_fate: ByFate


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """What time says about one attribute or kind. `names` are the words for the codes of the values in `shifts`."""

    shifts: Sequence[Shift]
    names: Sequence[str]
    after: tuple[float, float] | None
    changes: ChangeCounts | None
    recordings: RecordingCounts | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What the labelled leads say: the association, and the values that decide (name, leads, share, interval)."""

    association: Association | None
    deciding: Sequence[tuple[str, int, float, float, float]]

    @classmethod
    def of(
        cls,
        labelled: pd.DataFrame,
        column: str,
        association: Association | None,
        *,
        fates: pd.DataFrame | None = None,
    ) -> "Judged":
        """Of the `labelled` rows at entry and the values in `column`.

        `fates` has all first entries with `has_converted`: a value that only winners have always converts among these,
        however late they won.
        """
        by_label = {value[0]: value for value in _deciding(labelled[column], converted_or_not(labelled))}
        by_fate = {}
        if fates is not None:
            found = _deciding(fates[column], fates["has_converted"].to_numpy(dtype=np.int64))
            by_fate = {value[0]: value for value in found if value[2] > 1 / 2}
        return cls(association, tuple((by_fate | by_label).values()))


def judge(in_time: TimeEvidence, judged: Judged, *, n_open: int) -> tuple[Verdict, str]:
    """The verdict and its reason: evidence in time first, then what is too good to be true."""
    leaks = [
        *_change_reasons(in_time),
        *_recording_reasons(in_time),
        *_shift_reasons(in_time),
        *_after_reasons(in_time),
    ]
    if leaks:
        return "leak", "; ".join(leaks)
    suspects = [*_deciding_reasons(judged), *_association_reasons(judged)]
    if suspects:
        return "suspect", "; ".join(suspects)
    if not in_time.shifts:
        return "clear", f"nothing is too good to be true; {n_open:,} open leads are too few to show more"
    return "clear", _clear_reason(in_time)


def clopper_pearson(n_having: int, n: int) -> tuple[float, float]:
    """The exact 95 % interval of a share (Clopper and Pearson, 1934, Biometrika 26:404).

    >>> [round(float(end), 4) for end in clopper_pearson(0, 100)]
    [0.0, 0.0362]
    """
    low = 0.0 if n_having == 0 else float(beta.ppf(0.025, n_having, n - n_having + 1))
    return low, 1.0 if n_having == n else float(beta.ppf(0.975, n_having + 1, n - n_having))


def rank_correlation_after(
    values: pd.Series, entries: pd.DataFrame, open_leads: OpenLeads
) -> tuple[float, float] | None:
    """Rank correlation of a number with the activities after the entry, and the lower end of its 95 % interval.

    What both owe to the activities before the entry, to the lead's age and to its fate is taken out first. None where
    too few leads have the number.
    """
    is_known = values.notna().to_numpy()
    if is_known.sum() < 5 * LEAST_COUNTED:
        return None
    known = entries[is_known]
    fate = np.where(known["decided_at"].isna(), 2, known["has_converted"].astype(int))
    others = [rankdata(known["n_before"]), rankdata(open_leads.ages[is_known]), fate == 1, fate == 2]
    x = np.column_stack([np.ones(len(known)), *others]).astype(np.float64)
    ranks = np.column_stack([rankdata(values[is_known]), rankdata(known["n_after"])])
    rest = ranks - x @ np.linalg.lstsq(x, ranks, rcond=None)[0]
    spread = rest.std(axis=0)
    if spread.min() < 1e-6 * len(known):
        return None
    r = float((rest[:, 0] * rest[:, 1]).mean() / spread.prod())
    half = Z_95 / np.sqrt(len(known) / open_leads.design_effect())
    return r, float(np.tanh(np.arctanh(np.clip(r, -0.9999, 0.9999)) - half))


def _shift_reasons(in_time: TimeEvidence) -> Iterator[str]:
    """The clearest shift that a decision explains and a steady drift does not."""
    fitting = [
        shift
        for shift in in_time.shifts
        if abs(shift.z_untouched) <= MOST_MISFIT and shift.explained_share >= LEAST_EXPLAINED
    ]
    best = max(fitting, key=_likelihood_ratio, default=None)
    if best is None or _likelihood_ratio(best) <= LEAST_LIKELIHOOD_RATIO:
        return
    is_missing = best.values == (len(in_time.names) - 1,)
    what = "missing" if is_missing else _listed([in_time.names[code] for code in best.values])
    now, expected, untouched = (
        percent(round(share, 4)) for share in (best.share_now, best.share_expected, best.share_untouched)
    )
    yield (
        f"{what} for {now} of the {best.n_open:,.0f} leads that are open now, where earlier dates lead to expect "
        f"{expected} ({abs(best.z_expected):.1f} standard errors); of leads that were open then and have not been "
        f"{best.since} since it is {untouched}: it changes when a lead is {best.since}"
    )


def _likelihood_ratio(shift: Shift) -> float:
    return (shift.z_expected**2 - shift.z_untouched**2) / 2


def _after_reasons(in_time: TimeEvidence) -> Iterator[str]:
    if in_time.after is not None and in_time.after[1] > LEAST_FOLLOWING:
        yield (
            f"it follows the activities after the entry (rank correlation {in_time.after[0]:.2f}, at least "
            f"{in_time.after[1]:.2f}, age and earlier activities taken out): it is a counter of the latest extract"
        )


def _change_reasons(in_time: TimeEvidence) -> Iterator[str]:
    counts = in_time.changes
    if counts is None or counts.n < LEAST_COUNTED:
        return
    low, _ = clopper_pearson(counts.n_at_conversion, counts.n)
    if low > LEAST_CHANGE_SHARE:
        yield (
            f"{counts.n_at_conversion:,} of its {counts.n:,} changes fall within a day of the conversion (at least "
            f"{percent(round(low, 3))}), although it is declared as never changing"
        )


def _recording_reasons(in_time: TimeEvidence) -> Iterator[str]:
    counts = in_time.recordings
    if counts is None:
        return
    for fate, n, n_late in (
        ("converted", counts.n_early_converted, counts.n_late_converted),
        ("were closed", counts.n_early_closed, counts.n_late_closed),
    ):
        if n >= LEAST_COUNTED and (low := clopper_pearson(n_late, n)[0]) > LEAST_LATE_SHARE:
            yield (
                f"of {n:,} that are dated before the entry of leads that {fate}, {n_late:,} were recorded only then or "
                f"later (at least {percent(round(low, 3))}): it is dated back"
            )


def _deciding_reasons(judged: Judged) -> Iterator[str]:
    most_frequent = sorted(judged.deciding, key=lambda value: -value[1])[:MOST_TOLD]
    for name, n, share, low, high in most_frequent:
        yield (
            f"{name}: {percent(round(share, 4))} of {n:,} leads convert [{percent(round(low, 4))}, "
            f"{percent(round(high, 4))}]"
        )


def _association_reasons(judged: Judged) -> Iterator[str]:
    known = judged.association
    if known is None:
        return
    if known.auc.low is not None and known.auc.low > HIGHEST_ALONE:
        yield f"alone it has an AUC of {estimate_text(known.auc)} on later leads, as much as a whole model"
    lead = known.lead_over_others
    if lead.low is not None and lead.low > LARGEST_LEAD:
        yield f"alone its AUC is {estimate_text(lead)} above that of all other features together"


def _clear_reason(in_time: TimeEvidence) -> str:
    drifting = max(in_time.shifts, key=lambda shift: abs(shift.z_expected))
    told = "no value depends on whether the lead was decided yet"
    if abs(drifting.z_expected) > 4:
        name = _listed([in_time.names[code] for code in drifting.values])
        told += f"; {name} has become {'more' if drifting.z_expected > 0 else 'less'} frequent among new leads"
    return told


def _deciding(values: pd.Series, outcome: np.ndarray) -> Iterator[tuple[str, int, float, float, float]]:
    codes, names = coded(values)
    odds = outcome.mean() / max(1 - outcome.mean(), 1e-9)
    is_missing = codes == len(names) - 1
    groups = [(_quoted(name), codes == code) for code, name in enumerate(names)]
    for name, having_it in [*groups, *([("filled", ~is_missing)] if is_missing.any() else [])]:
        having = outcome[having_it]
        n, n_converted = len(having), int(having.sum())
        if n < LEAST_COUNTED:
            continue
        low, high = clopper_pearson(n_converted, n)
        is_always = low > 1 - DECIDING_SHARE and low / max(1 - low, 1e-9) > DECIDING_ODDS * odds
        is_never = high < DECIDING_SHARE and high / (1 - high) < odds / DECIDING_ODDS
        if is_always or is_never:
            yield name, n, n_converted / n, low, high


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(_quoted(name) for name in names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _quoted(name: str) -> str:
    return name if name in ("missing", "any other value") else repr(masked(name))
