"""What a release would have said of leads in the past weeks."""

from dataclasses import dataclass

import pandas as pd

P_FIRST = "p_first"
"""The probability of the first transition, whichever that is."""


AMOUNT = "amount"
"""What the lead is expected to bring if it is won, in the currency of the settings."""


@dataclass(frozen=True, eq=False)
class PastScores:
    """One row is one lead, before sales took it, at one moment of the past weeks.

    Attributes
    ----------
    frame
        `lead_id`, `group_id` (its account, or itself), `as_of` (UTC, naive), `stage`, `p_first` (the probability of the
        first transition) and `p_win`, in [0, 1], and `amount` (what it is expected to bring if it is won).
    sampled_share
        The share of the accounts that is in `frame`, in (0, 1].
    """

    frame: pd.DataFrame
    sampled_share: float


@dataclass(frozen=True, eq=False)
class PastLeads:
    """The leads of the past weeks, before any release says what it would have said of them.

    Attributes
    ----------
    frame
        The rows of a `FeatureTable` at past moments, in order of lead and moment.
    sampled_share
        The share of the accounts that is in `frame`, in (0, 1].
    leads
        All leads: `lead_id`, `created_at`, and by the policy `team` and `suppressed_by`.
    """

    frame: pd.DataFrame
    sampled_share: float
    leads: pd.DataFrame
