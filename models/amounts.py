"""What a lead brings if it is won, from its profile: learnt from wins, and drawn to one amount where they are few."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import xlogy
from sklearn.linear_model import PoissonRegressor

from data_contracts.amounts import AmountComparison, AmountModel, NumberEffect, WordEffect
from data_contracts.estimates import Estimate
from data_contracts.snapshots import PROFILE_GROUPS, FeatureColumn
from data_contracts.wording import estimate_text
from models.evaluate import group_counts
from models.evidence import LEAST_ACCOUNTS
from models.metrics import Judged
from models.threads import in_one_thread
from models.train import SEED

Floats = npt.NDArray[np.float64]

N_WINDOWS = 4
"""Windows of time in the later half of the wins, by which the profile's amounts are judged."""

LEAST_ALIKE = 5
"""Nothing rests on fewer wins: a word that fewer have has no effect, and an amount that fewer reach counts as one."""

HALF_AT = (10.0, 30.0, 100.0, 300.0, 1_000.0)
"""Wins at which half of what they say is believed: what is tried."""

MOST_STEPS = 1_000


def one_amount(revenue: pd.DataFrame, said: str) -> AmountModel:
    """One amount for all: the mean of what `revenue` (`features.revenue.won_revenue`) says; 1 a win where it is empty.

    An expected value is then a number of wins, and still orders leads.
    """
    mean = float(revenue["revenue"].mean()) if len(revenue) else 1.0
    return AmountModel(base=mean, lowest=mean, highest=mean, mean=mean, n_deals=len(revenue), said=said)


@in_one_thread
def learn_amounts(
    revenue: pd.DataFrame, wins: pd.DataFrame, *, columns: Sequence[FeatureColumn], seed: int = SEED
) -> AmountModel:
    """What a win is expected to bring, by the profile where that is better on later wins, otherwise one amount.

    The logarithm of the expected amount is a sum of effects of the profile: a Poisson regression, whose estimate of a
    mean is consistent whatever amounts are distributed like (Gourieroux, Monfort and Trognon, 1984, Econometrica
    52:701). Its canonical link and free intercept make the expected amounts of the wins that it learnt from add up to
    what they brought. A ridge penalty k draws effects to 0: that of a word which n wins have counts n / (n + k) to
    first order, which is Bühlmann's credibility (1967, ASTIN Bulletin 4:199; as a penalised regression Nelder and
    Verrall, 1997, ASTIN Bulletin 27:71). Numbers and words have a k each, that of `HALF_AT` which makes the amounts
    likeliest.

    One huge deal decides nothing: towards effects and their gain, an amount counts at most as the one that
    `LEAST_ALIKE` of the wins that are learnt from reach. What lies above it is shared by all leads in proportion, as it
    is with one amount for all. No lead is given an amount beyond those that these wins are given.

    The profile's amounts are held against one amount for all on the later half of the wins, in `N_WINDOWS` windows of
    time: both learnt from what came before each. They are taken where the 95 % interval of the gain lies above 0, and
    learnt again from all wins.

    Parameters
    ----------
    revenue
        What `features.revenue.won_revenue` returns: every win with a known amount.
    wins
        What `features.revenue.wins_as_first_seen` returns: those whose profile was known before, in order of the win.
    columns
        All features; those of the profile are read.
    seed
        Of the resamples.
    """
    profile = [column for column in columns if column.group in PROFILE_GROUPS and column.type != "text"]
    if not profile or revenue.empty:
        why = "no profile is declared" if len(revenue) else "no amount of a won deal is known, so a win counts as one"
        return one_amount(revenue, why)
    windows = _windows(wins)
    later = [window.later for window in windows]
    if not windows or min(_n_paying(windows[0].earlier), _n_paying(pd.concat(later))) < LEAST_ACCOUNTS:
        few = f"wins of fewer than {LEAST_ACCOUNTS} accounts came in the earlier half or the later, too few to judge"
        return one_amount(revenue, few)
    if not _Design.of(windows[0].earlier, profile).matrix.size:
        return one_amount(revenue, "the profiles of won leads do not differ")
    comparison = _compared(windows, profile, seed=seed)
    gain = f"gain {estimate_text(comparison.gain, least=4)} over one amount on {comparison.n_judged:,} later wins"
    if (comparison.gain.low or 0.0) <= 0:
        kept = one_amount(revenue, f"the profile's amounts are not clearly better, {gain}")
        return kept.model_copy(update={"comparison": comparison})
    return _fitted(wins, profile).model(revenue, comparison, said=gain)


def expected_amounts(amounts: AmountModel, frame: pd.DataFrame) -> Floats:
    """What each row of `frame`, which holds the features, brings if it is won (currency of the settings)."""
    log_factor = np.zeros(len(frame))
    for number in amounts.numbers:
        log_factor += number.coefficient * _distance(frame[number.feature], number.center)
    for one in amounts.words:
        found = frame[one.feature].astype("object").map(one.coefficients)
        log_factor += found.to_numpy(dtype=np.float64, na_value=0.0)
    return np.asarray(np.clip(amounts.base * np.exp(log_factor), amounts.lowest, amounts.highest))


def _distance(values: pd.Series, center: float) -> Floats:
    """The signed logarithm of 1 + each value, less `center`; 0 where the value is missing."""
    plain = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.nan_to_num(np.sign(plain) * np.log1p(np.abs(plain)) - center, nan=0.0))


@dataclass(frozen=True, eq=False)
class _Window:
    """Some later wins, and all that came before the first of them."""

    earlier: pd.DataFrame
    later: pd.DataFrame


def _windows(wins: pd.DataFrame) -> list[_Window]:
    """The later half of the wins in `N_WINDOWS` windows of about as many; wins of one moment stay together."""
    if wins.empty:
        return []
    shares = np.linspace(0.5, 1.0, N_WINDOWS, endpoint=False)
    begins = wins["won_at"].iloc[[int(share * len(wins)) for share in shares]].drop_duplicates().to_list()
    ends = [*begins[1:], wins["won_at"].max() + pd.Timedelta(days=1)]
    won_at = wins["won_at"]
    return [
        _Window(wins[won_at < begin], wins[(won_at >= begin) & (won_at < end)])
        for begin, end in zip(begins, ends, strict=True)
    ]


def _n_paying(wins: pd.DataFrame) -> int:
    return int(wins.loc[wins["revenue"] > 0, "group_id"].nunique())


@dataclass(frozen=True, eq=False)
class _Design:
    """The profile of some wins as numbers, and the effect that each column of them stands for."""

    matrix: Floats
    scales: Floats
    is_number: npt.NDArray[np.bool_]
    numbers: tuple[tuple[str, float], ...]
    words: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, wins: pd.DataFrame, profile: Sequence[FeatureColumn]) -> "_Design":
        numbers: list[tuple[str, float]] = []
        words: list[tuple[str, tuple[str, ...]]] = []
        parts: list[Floats] = []
        for column in profile:
            values = wins[column.name]
            if column.type == "number":
                raw = _distance(values, 0.0)[values.notna().to_numpy()]
                if len(raw) < LEAST_ALIKE or np.ptp(raw) == 0:
                    continue
                numbers.append((column.name, float(raw.mean())))
                parts.append(_distance(values, float(raw.mean())))
        n_numbers = len(parts)
        for column in (each for each in profile if each.type == "category"):
            counts = wins[column.name].value_counts()
            known = tuple(sorted(str(word) for word in counts.index[counts >= LEAST_ALIKE]))
            words.append((column.name, known))
            parts += [np.asarray(wins[column.name] == word, dtype=np.float64) for word in known]
        matrix = np.column_stack(parts) if parts else np.empty((len(wins), 0))
        scales = np.ones(matrix.shape[1])
        scales[:n_numbers] = matrix[:, :n_numbers].std(axis=0)
        is_number = np.arange(matrix.shape[1]) < n_numbers
        return cls(matrix / scales, scales, is_number, tuple(numbers), tuple(words))

    def effects(self, coefficients: Floats) -> tuple[tuple[NumberEffect, ...], tuple[WordEffect, ...]]:
        told = iter((coefficients / self.scales).tolist())
        numbers = [NumberEffect(feature=name, center=center, coefficient=next(told)) for name, center in self.numbers]
        words = [
            WordEffect(feature=name, coefficients={word: next(told) for word in known}) for name, known in self.words
        ]
        return tuple(numbers), tuple(one for one in words if one.coefficients)


@dataclass(frozen=True, slots=True)
class _HalfAt:
    """Wins at which half of what they say is believed, of numbers and of words."""

    numbers: float
    words: float

    def weighed(self, design: _Design) -> tuple[Floats, Floats]:
        """The matrix of `design` for a penalty of 1 on every effect, and what each of its columns was multiplied by."""
        weight = np.where(design.is_number, self.numbers, self.words) ** -0.5
        return design.matrix * weight, weight


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Effects, and the amounts that they give to the wins they were learnt from, which add up to what those brought."""

    numbers: tuple[NumberEffect, ...]
    words: tuple[WordEffect, ...]
    base: float
    given: Floats
    counted_up_to: float
    half_at: _HalfAt
    counted_share: float

    def model(self, revenue: pd.DataFrame, comparison: AmountComparison | None, *, said: str) -> AmountModel:
        return AmountModel(
            base=self.base,
            lowest=float(self.given.min()),
            highest=float(self.given.max()),
            mean=float(revenue["revenue"].mean()),
            n_deals=len(revenue),
            counted_up_to=self.counted_up_to,
            half_at_of_numbers=self.half_at.numbers,
            half_at_of_words=self.half_at.words,
            numbers=self.numbers,
            words=self.words,
            comparison=comparison,
            said=said,
        )


def _fitted(wins: pd.DataFrame, profile: Sequence[FeatureColumn]) -> _Fitted:
    brought = wins["revenue"].to_numpy(dtype=np.float64)
    limit = float(np.sort(brought)[-LEAST_ALIKE])
    counted = np.minimum(brought, limit)
    design = _Design.of(wins, profile)
    relative = counted / counted.mean()
    half_at = _likeliest(design, relative)
    matrix, weight = half_at.weighed(design)
    coefficients = _regression(matrix, relative).coef_
    numbers, words = design.effects(coefficients * weight)
    factors = np.exp(matrix @ coefficients)
    base = float(brought.sum() / factors.sum())
    share = float(counted.sum() / brought.sum())
    return _Fitted(numbers, words, base, base * factors, counted_up_to=limit, half_at=half_at, counted_share=share)


def _regression(matrix: Floats, relative: Floats) -> PoissonRegressor:
    # Its penalty is on the mean loss of a win; `half_at`, by which the columns are weighed, is on the sum.
    fitted = PoissonRegressor(alpha=1 / len(relative), solver="newton-cholesky", max_iter=MOST_STEPS, tol=1e-8)
    return fitted.fit(matrix, relative)


def _likeliest(design: _Design, relative: Floats) -> _HalfAt:
    """Those of `HALF_AT` under which the amounts are likeliest, all effects that they allow taken together.

    That is Laplace's approximation of the marginal quasi-likelihood (Breslow and Clayton, 1993, J Am Stat Assoc 88:9).
    """
    tried = [_HalfAt(*each) for each in product(sorted(HALF_AT, reverse=True), repeat=2)]
    dispersion = _Penalised.of(design, relative, half_at=tried[-1]).dispersion
    return max(tried, key=lambda each: _Penalised.of(design, relative, half_at=each).log_likelihood(dispersion))


@dataclass(frozen=True, eq=False)
class _Penalised:
    """A regression with a penalty of 1 on every effect: what it gives, and how curved its likelihood is."""

    relative: Floats
    given: Floats
    coefficients: Floats
    information: Floats

    @classmethod
    def of(cls, design: _Design, relative: Floats, *, half_at: _HalfAt) -> "_Penalised":
        matrix, _ = half_at.weighed(design)
        fitted = _regression(matrix, relative)
        given = fitted.predict(matrix)
        with_intercept = np.column_stack([np.ones(len(matrix)), matrix])
        return cls(relative, given, fitted.coef_, with_intercept.T @ (given[:, None] * with_intercept))

    @property
    def _curvature(self) -> Floats:
        """Of the penalised likelihood. The intercept, which comes first, has no penalty."""
        return np.asarray(self.information + np.diag(np.r_[0.0, np.ones(len(self.coefficients))]))

    @property
    def dispersion(self) -> float:
        """Pearson's: how much more amounts vary than a Poisson variable of their mean would."""
        used = float(np.trace(np.linalg.solve(self._curvature, self.information)))
        return float(((self.relative - self.given) ** 2 / self.given).sum() / max(1.0, len(self.given) - used))

    def log_likelihood(self, dispersion: float) -> float:
        loss = _deviances(self.relative, self.given).sum() + self.coefficients @ self.coefficients
        return float(-loss / dispersion - np.linalg.slogdet(self._curvature).logabsdet) / 2


def _deviances(brought: Floats, given: Floats) -> Floats:
    """The Poisson deviance of each amount: least on average where what is given is the mean."""
    return np.asarray(2 * (xlogy(brought, brought / given) - brought + given))


def _compared(windows: Sequence[_Window], profile: Sequence[FeatureColumn], *, seed: int) -> AmountComparison:
    """The profile's amounts beside one amount for all, in each window learnt from what came before it."""
    judged = pd.concat([_judged(window, profile) for window in windows], ignore_index=True)
    sums = judged.assign(n=1.0).groupby("group_id", sort=False).sum()
    account, _ = pd.factorize(judged["group_id"])
    accounts = Judged(judged["brought"].to_numpy(), np.ones(len(judged)), account, len(sums))
    counts = group_counts(accounts, seed=seed)
    drawn = pd.DataFrame(np.concatenate([each @ sums.to_numpy() for each in counts]), columns=sums.columns)
    return AmountComparison(
        won_from=windows[0].later["won_at"].iloc[0].to_pydatetime(),
        n_learnt=len(windows[0].earlier),
        n_judged=len(judged),
        gain=_estimate(drawn["gain"] / drawn["n"]),
        error=_estimate(drawn["error"] / drawn["n"]),
        error_of_one=_estimate(drawn["error_of_one"] / drawn["n"]),
        total=_estimate(drawn["given"] / drawn["brought"]),
        total_of_one=_estimate(drawn["one"] / drawn["brought"]),
    )


def _judged(window: _Window, profile: Sequence[FeatureColumn]) -> pd.DataFrame:
    """What each later win was expected to bring and brought, and what that is off by; one row a win."""
    earlier, later = window.earlier, window.later
    fitted = _fitted(earlier, profile)
    brought, one = later["revenue"].to_numpy(dtype=np.float64), float(earlier["revenue"].mean())
    given = expected_amounts(fitted.model(earlier, None, said=""), later)
    counted = np.minimum(brought, fitted.counted_up_to) / (one * fitted.counted_share)
    return pd.DataFrame(
        {
            "group_id": later["group_id"].to_numpy(dtype=object),
            "gain": _deviances(counted, np.ones(len(later))) - _deviances(counted, given / one),
            "error": np.abs(brought - given),
            "error_of_one": np.abs(brought - one),
            "given": given,
            "one": one,
            "brought": brought,
        }
    )


def _estimate(drawn: pd.Series) -> Estimate:
    """The figure on all accounts, which is the first, with the interval of the resamples after it."""
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return Estimate(value=float(drawn[0]), low=float(low), high=float(high))
