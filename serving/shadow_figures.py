"""What the hand-offs of both sides brought in a week: known outcomes, unknown ones, and what bounds the difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.estimates import Estimate
from data_contracts.past_scores import P_FIRST
from data_contracts.shadow import Measured, ShadowFigure, SideFigures
from data_contracts.vocabulary import OutcomeStatus
from features.hand_offs import OUTCOME, REVENUE, WON_OUTCOME

N_RESAMPLES = 1000
"""Resamples behind an interval: its ends then lie within about 1 percentage point of coverage of where more would."""

AT_ONCE = 100
"""Resamples that are held in memory at a time."""

MOST_BANDS, LEADS_PER_BAND = 5, 40
"""Bands of probability in which unknown leads are taken to be like known ones, and known leads behind each at least."""

UNKNOWN = (OutcomeStatus.NEVER_CONTACTED, OutcomeStatus.UNSETTLED)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weeks:
    """How many weeks are told of, which of them count, and the share of the accounts in the rows, in (0, 1]."""

    n: int
    mature: frozenset[int]
    sampled_share: float


def shadow_figure(
    measured: Measured, rule: pd.DataFrame, model: pd.DataFrame, *, weeks: Weeks, seed: int
) -> ShadowFigure | None:
    """What both sides' hand-offs brought in the weeks that count.

    None where no week does, a side handed nobody off in them, or nobody knows what became of any lead.

    An unknown lead counts three ways: not at all (`known`); as known leads of its band of probability, on whichever
    side (`if_alike`); as failed or successful, whichever is worst or best for the model. A lead that is unknown on both
    sides failed or succeeded on both.

    Intervals are over `N_RESAMPLES` resamples of accounts, the same for both sides. What is resampled is what a
    handed-off lead brings; how many are handed off is given.

    Parameters
    ----------
    rule, model
        One row a hand-off, with what `features.hand_offs.with_what_came` says of it.
    """
    sides = [side[side["week"].isin(weeks.mature)] for side in (rule, model)]
    if not weeks.mature or not all(len(side) for side in sides):
        return None
    per_week = [len(side) / len(weeks.mature) / weeks.sampled_share for side in sides]
    sums = _account_sums(measured, sides)
    if not sums.n_told:
        return None
    drawn = [sums.figures(totals, per_week) for totals in sums.resampled(seed)]
    told = sums.figures(sums.by_account.sum(axis=0, keepdims=True), per_week)
    found = {name: _estimate(value[0], np.concatenate([each[name] for each in drawn])) for name, value in told.items()}
    has_bounds = measured != "revenue"
    on_side = {
        side: SideFigures(
            known=float(told[f"known_{side}"][0]),
            unknown=float(told[f"unknown_{side}"][0]),
            if_alike=found[f"alike_{side}"],
        )
        for side in ("rule", "model")
    }
    return ShadowFigure(
        measured=measured,
        n_weeks=len(weeks.mature),
        n_immature_weeks=weeks.n - len(weeks.mature),
        rule=on_side["rule"],
        model=on_side["model"],
        known=found["known"],
        if_alike=found["if_alike"],
        worst=found["worst"] if has_bounds else None,
        best=found["best"] if has_bounds else None,
        breaks_even=_break_even(float(told["if_alike"][0]), float(told["filled_alone"][0])),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over hand-offs, one row an account, in the order of `_names`; and how many leads have a known outcome."""

    by_account: Floats
    n_bands: int
    n_told: int

    def resampled(self, seed: int) -> Iterator[Floats]:
        """The totals of resampled accounts, `AT_ONCE` resamples at a time."""
        random = np.random.default_rng(seed)
        for _ in range(N_RESAMPLES // AT_ONCE):
            yield random.poisson(1.0, (AT_ONCE, len(self.by_account))).astype(np.float64) @ self.by_account

    def figures(self, totals: Floats, per_week: Sequence[float]) -> dict[str, Floats]:
        """Every figure of each row of `totals`, in a week."""
        column = dict(zip(_names(self.n_bands), totals.T, strict=True))
        rates = self._rates(column)
        found: dict[str, Floats] = {}
        for side, n in zip(("rule", "model"), per_week, strict=True):
            for name in ("known", "unknown", "unknown_alone"):
                found[f"{name}_{side}"] = n * _ratio(column[f"{name}_{side}"], column[f"n_{side}"])
            filled = sum(rate * column[f"unknown_{side}_{band}"] for band, rate in enumerate(rates))
            found[f"alike_{side}"] = n * _ratio(column[f"known_{side}"] + filled, column[f"n_{side}"])
        alone = sum(rate * column[f"alone_{band}"] for band, rate in enumerate(rates))
        found["filled_alone"] = per_week[1] * _ratio(np.asarray(alone), column["n_model"])
        found["known"] = found["known_model"] - found["known_rule"]
        found["if_alike"] = found["alike_model"] - found["alike_rule"]
        found["worst"] = found["known"] - found["unknown_alone_rule"]
        found["best"] = found["known"] + found["unknown_alone_model"]
        return found

    def _rates(self, column: dict[str, Floats]) -> list[Floats]:
        """What a known lead of each band brings; where a resample has none of a band, what one of any band does."""
        bands = range(self.n_bands)
        brought, n = (np.sum([column[f"{name}_{band}"] for band in bands], axis=0) for name in ("brought", "told"))
        overall = _ratio(brought, n)
        return [
            np.where(column[f"told_{band}"] > 0, _ratio(column[f"brought_{band}"], column[f"told_{band}"]), overall)
            for band in bands
        ]


def _names(n_bands: int) -> list[str]:
    sides = [f"{name}_{side}" for side in ("rule", "model") for name in ("n", "known", "unknown", "unknown_alone")]
    parts = [
        f"{name}_{band}"
        for name in ("unknown_rule", "unknown_model", "alone", "told", "brought")
        for band in range(n_bands)
    ]
    return [*sides, *parts]


def _account_sums(measured: Measured, sides: Sequence[pd.DataFrame]) -> _Sums:
    rule, model = (_judged(side, measured) for side in sides)
    told = pd.concat([rule, model])
    told = told[~told["is_unknown"]].drop_duplicates("snapshot_id")
    n_bands = int(np.clip(len(told) // LEADS_PER_BAND, 1, MOST_BANDS))
    cuts = np.quantile(told[P_FIRST], np.arange(1, n_bands) / n_bands) if len(told) else np.empty(0)
    unknown_on_both = set(rule.loc[rule["is_unknown"], "lead_id"]) & set(model.loc[model["is_unknown"], "lead_id"])
    accounts = pd.Index(pd.concat([rule["group_id"], model["group_id"]]).unique())
    columns: dict[str, Floats] = {}
    for side, rows in (("rule", rule), ("model", model)):
        is_unknown = rows["is_unknown"].to_numpy()
        is_alone = is_unknown & ~rows["lead_id"].isin(unknown_on_both).to_numpy()
        band = np.searchsorted(cuts, rows[P_FIRST], side="right")
        each: dict[str, npt.ArrayLike] = {
            "n": np.ones(len(rows)),
            "known": rows["brought"],
            "unknown": is_unknown,
            "unknown_alone": is_alone,
        }
        columns |= {f"{name}_{side}": _by_account(rows, value, accounts) for name, value in each.items()}
        parts = {f"unknown_{side}_{nth}": is_unknown & (band == nth) for nth in range(n_bands)}
        if side == "model":
            parts |= {f"alone_{nth}": is_alone & (band == nth) for nth in range(n_bands)}
        columns |= {name: _by_account(rows, value, accounts) for name, value in parts.items()}
    band = np.searchsorted(cuts, told[P_FIRST], side="right")
    for nth in range(n_bands):
        columns[f"told_{nth}"] = _by_account(told, band == nth, accounts)
        columns[f"brought_{nth}"] = _by_account(told, np.where(band == nth, told["brought"], 0.0), accounts)
    return _Sums(np.column_stack([columns[name] for name in _names(n_bands)]), n_bands, len(told))


def _judged(rows: pd.DataFrame, measured: Measured) -> pd.DataFrame:
    """`rows` with `is_unknown`, and with what each `brought` as far as it is known."""
    outcome = rows[OUTCOME if measured == "SQLs" else WON_OUTCOME]
    is_unknown = outcome.isin(UNKNOWN)
    converted = (outcome == OutcomeStatus.CONVERTED).astype(np.float64)
    brought = rows[REVENUE].where(converted > 0, 0.0) if measured == "revenue" else converted
    return rows.assign(is_unknown=is_unknown.to_numpy(dtype=bool), brought=brought.to_numpy(dtype=np.float64))


def _by_account(rows: pd.DataFrame, value: npt.ArrayLike, accounts: pd.Index) -> Floats:
    place = accounts.get_indexer(pd.Index(rows["group_id"]))
    return np.bincount(place, np.asarray(value, dtype=np.float64), minlength=len(accounts)).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _break_even(difference: float, filled: float) -> float | None:
    """The share of what is `filled` in for the model's own unknown leads at which the `difference` is 0."""
    return 1 - difference / filled if 0 < difference < filled else None


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value=float(value), low=float(low), high=float(high))
