"""What a lead is expected to bring if it is won: how it follows from the lead's profile, and how good that is."""

import datetime as dt
import math

from data_contracts.estimates import Estimate, Record
from data_contracts.wording import estimate_text, figure


class NumberEffect(Record):
    """How a number of the profile moves the expected amount.

    With `x` the signed logarithm of 1 + the number, the amount is multiplied by exp(`coefficient` (x - `center`)); a
    missing number moves nothing.
    """

    feature: str
    center: float
    coefficient: float


class WordEffect(Record):
    """How a category of the profile moves the expected amount: the logarithm of a factor for each of its words.

    Any other word, and a missing one, moves nothing.
    """

    feature: str
    coefficients: dict[str, float]


class AmountComparison(Record):
    """The amounts that a profile gives, beside one amount for all, on wins that came after all that either learnt from.

    Attributes
    ----------
    won_from
        The first moment (UTC, naive) of the wins that are judged, window by window: both learnt from those before each.
    n_learnt, n_judged
        Won leads: before the first window, and in all windows.
    gain
        Mean Poisson deviance of one amount for all less that of the profile's amounts. Amounts are multiples of the
        mean of those learnt from, as far as they count towards effects (`AmountModel.counted_up_to`). Above 0 the
        profile's are better. Paired, over resampled accounts, as all intervals here.
    error, error_of_one
        Mean absolute error of the profile's amounts, and of one amount for all (currency of the settings).
    total, total_of_one
        The sum of what was expected divided by the sum of what was brought: 1 is right.
    """

    won_from: dt.datetime
    n_learnt: int
    n_judged: int
    gain: Estimate
    error: Estimate
    error_of_one: Estimate
    total: Estimate
    total_of_one: Estimate


class AmountModel(Record):
    """What a win is expected to bring. Without effects that is one amount for all leads, `base`.

    Attributes
    ----------
    base
        The amount of a lead that no effect moves (currency of the settings; 1, a win, where no amount is known).
    lowest, highest
        Of the amounts that it gives to the wins it learnt from: no lead is given less or more.
    mean
        What a won lead with a known amount brought, on average; 1 where there is none.
    n_deals
        Won leads with a known amount.
    counted_up_to
        The most that an amount counts towards the effects; None where there are no effects.
    half_at_of_numbers, half_at_of_words
        Won leads at which half of what they say of a number, or of a word, is believed; None where there are no
        effects.
    comparison
        None where too few wins are known to judge.
    said
        Why it is this amount, in a sentence.
    """

    base: float
    lowest: float
    highest: float
    mean: float
    n_deals: int
    counted_up_to: float | None = None
    half_at_of_numbers: float | None = None
    half_at_of_words: float | None = None
    numbers: tuple[NumberEffect, ...] = ()
    words: tuple[WordEffect, ...] = ()
    comparison: AmountComparison | None = None
    said: str

    @property
    def follows_profile(self) -> bool:
        """Whether leads differ in what they are expected to bring."""
        return bool(self.numbers or self.words)


def amount_text(amounts: AmountModel, currency: str) -> str:
    """What a win is expected to bring, in words."""
    if not amounts.follows_profile:
        return f"{amounts.mean:,.2f} {currency}".rstrip() + f" for every lead: {amounts.said}"
    spread = f"{amounts.lowest:,.2f} to {amounts.highest:,.2f} {currency}".rstrip()
    return f"{spread} by the profile, mean {amounts.mean:,.2f}: {amounts.said}"


def comparison_rows(comparison: AmountComparison) -> list[dict[str, str]]:
    """The profile's amounts and one amount for all on later wins, one row each."""
    wins = f"{comparison.n_judged:,} from {comparison.won_from:%Y-%m-%d}"
    return [
        {
            "amount": name,
            "later wins": wins,
            "mean absolute error": estimate_text(error, least=0),
            "expected / brought": estimate_text(total, least=2),
            "gain": gain,
        }
        for name, error, total, gain in (
            ("by the profile", comparison.error, comparison.total, estimate_text(comparison.gain, least=4)),
            ("one for all", comparison.error_of_one, comparison.total_of_one, ""),
        )
    ]


def effect_rows(amounts: AmountModel) -> list[dict[str, str]]:
    """By what each feature multiplies the amount: a number where it doubles, a category by its words."""
    numbers = [
        {"feature": one.feature, "where": "it doubles, or is 1 in place of 0", "factor": figure(2**one.coefficient)}
        for one in amounts.numbers
    ]
    words = [
        {"feature": one.feature, "where": f"it is {word}", "factor": figure(math.exp(coefficient))}
        for one in amounts.words
        for word, coefficient in one.coefficients.items()
    ]
    return numbers + words
