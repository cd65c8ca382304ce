"""How the level and the slope of a model's probabilities were mended between two trainings."""

import datetime as dt
from collections.abc import Mapping
from typing import Final, Literal, get_args

from data_contracts.estimates import Estimate, Record
from data_contracts.wording import estimate_text

Mend = Literal["none", "level", "level_and_slope"]
"""What is mended: nothing, the level alone, or the level and the slope of the log-odds."""

MENDS: tuple[Mend, ...] = get_args(Mend)


class Parent(Record):
    """The release whose probabilities were mended, and the extract that its models were trained on (UTC, naive)."""

    release_id: str
    trained_on: dt.datetime


class Recalibration(Record):
    """What later outcomes say of a release's probabilities, and what was mended.

    Attributes
    ----------
    intercept, slope
        A probability's log-odds `x` become `intercept + slope * x`. 0 and 1 where nothing is mended.
    entered_from, entered_until
        When the first and the last of the leads entered the stage (UTC, naive): all after the parent's extract.
    n_leads, n_converted
        Leads whose outcome is known by now.
    slope_before, intercept_before
        Calibration slope of the parent on these leads (1 is right), and its intercept at a slope of 1 (0 is right).
    slope_after, intercept_after
        The same with the mend, each lead predicted by a mend of other accounts.
    gain
        Log loss of the parent less that with the mend, each lead predicted by a mend of other accounts.
    """

    mend: Mend
    intercept: float
    slope: float
    entered_from: dt.datetime
    entered_until: dt.datetime
    n_leads: int
    n_converted: int
    slope_before: Estimate
    intercept_before: Estimate
    slope_after: Estimate
    intercept_after: Estimate
    gain: Estimate


P_WIN_BEFORE_SQL: Final = "p_win before SQL"
"""What the probability of a win of leads before SQL is called beside the transitions that it is made of."""

FOLLOWS = "not held against wins since its training; it follows what is mended of the transitions"
"""What is said of `P_WIN_BEFORE_SQL` in a release with mended transitions, where too few wins came since."""

SAID = {"none": "left as it is", "level": "level mended", "level_and_slope": "level and slope mended"}


def mend_text(told: Recalibration) -> str:
    """What was done, by which leads, and what it gains."""
    return (
        f"{SAID[told.mend]} by {told.n_leads:,} leads from {told.entered_from:%Y-%m-%d} to "
        f"{told.entered_until:%Y-%m-%d}, gain {estimate_text(told.gain, least=4)}"
    )


def recalibration_rows(by_name: Mapping[str, Recalibration]) -> list[dict[str, str]]:
    """One row a transition, and one of `P_WIN_BEFORE_SQL`; every figure with its 95 % interval.

    It says what later outcomes say, what was mended, and by how much that helps.
    """
    return [
        {
            "probability of": str(name),
            "leads since": f"{told.entered_from:%Y-%m-%d}",
            "leads": f"{told.n_leads:,}",
            "converted": f"{told.n_converted:,}",
            "slope": estimate_text(told.slope_before, least=2),
            "intercept": estimate_text(told.intercept_before, least=2),
            "what was done": SAID[told.mend],
            "slope then": estimate_text(told.slope_after, least=2),
            "intercept then": estimate_text(told.intercept_after, least=2),
            "gain": estimate_text(told.gain, least=4),
        }
        for name, told in by_name.items()
    ]
