"""Where grades and hand-offs begin: the boundaries of a release, and those that a policy draws on its scores."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence

from data_contracts.estimates import Estimate, Record
from data_contracts.policy import Policy
from data_contracts.wording import estimate_text, figure


class Grading(Record):
    """The boundaries of the grades of a release.

    Attributes
    ----------
    fit_boundaries
        Least ICP fit of grades A, B, C (share in [0, 1], descending); below is D.
    behaviour_boundaries
        Least first-transition probability of the digits 1, 2, 3 (descending); below is 4.
    labelled_by_grade
        Labelled leads behind each grade ("A1" ... "D4").
    """

    fit_boundaries: tuple[float, float, float]
    behaviour_boundaries: tuple[float, float, float]
    labelled_by_grade: dict[str, int]


class Expectation(Record):
    """What a boundary is expected to bring in a week, with 95 % intervals of the mean.

    Attributes
    ----------
    leads
        That reach the boundary for the first time.
    weeks_low, weeks_high
        Between these two, nine of ten weeks are expected to lie (leads).
    sqls
        None where one transition alone leads to a win.
    wins, revenue
        In the end. Revenue is in the currency of the settings; wins where no amount is known.
    precision
        The share that takes the first transition, in [0, 1].
    one_more_call
        The expected value of the next lead below the boundary, less the cost of working it.
    """

    leads: Estimate
    weeks_low: float
    weeks_high: float
    sqls: Estimate | None
    wins: Estimate
    revenue: Estimate
    precision: Estimate
    one_more_call: Estimate


class TeamThreshold(Record):
    """Where a team's leads become eligible.

    Attributes
    ----------
    boundary
        The least of what leads are ranked by.
    expected
        None where no lead of the team reached the boundary in the reference weeks.
    said
        Where the boundary comes from, in a sentence.
    """

    team: str
    leads_per_week: float
    boundary: float
    expected: Expectation | None
    said: str


class Thresholds(Record):
    """The hand-off boundaries of a release under a policy: what is published, and what is reverted.

    Attributes
    ----------
    release_id
        Whose scores the boundaries are drawn on.
    policy
        Whole, so that scoring works under the policy that they were chosen for, whatever the settings file says since.
    data_fingerprint, as_of
        Of the checked history that they were chosen on, and the moment of its extract (UTC, naive).
    teams
        In the order of the policy.
    """

    release_id: str
    policy: Policy
    data_fingerprint: str
    as_of: dt.datetime
    teams: tuple[TeamThreshold, ...]

    @property
    def thresholds_id(self) -> str:
        """The version of the policy and a digest of what went in: `2026.1-1f0c9a3e`."""
        told = [self.release_id, self.policy.digest, self.data_fingerprint, self.as_of.isoformat()]
        return f"{self.policy.version}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]}"

    @property
    def boundaries(self) -> dict[str, float]:
        """The boundary of each team."""
        return {one.team: one.boundary for one in self.teams}


class PublishedThresholds(Record):
    """Thresholds that were put into force, when (UTC, naive), by whom and why.

    `reverts` says that they were in force before, and that those published since are taken back.
    """

    at: dt.datetime
    by: str
    because: str
    thresholds: Thresholds
    reverts: bool = False


def threshold_rows(thresholds: Thresholds) -> list[dict[str, str]]:
    """One row a team: from where on its leads are eligible, and what that is expected to bring in a week."""
    return [
        {"team": one.team, "can work": f"{one.leads_per_week:g}", "eligible from": figure(one.boundary)}
        | _expected(one.expected)
        | {"because": one.said}
        for one in thresholds.teams
    ]


def threshold_title(thresholds: Thresholds) -> str:
    """What the boundaries are drawn on, and under which policy."""
    ranked = thresholds.policy.ranked_by.replace("_", " ")
    policy = thresholds.policy.version
    return f"Hand-off under policy {policy}, leads ranked by {ranked}: expected in a week, 95 % intervals"


def _expected(expected: Expectation | None) -> dict[str, str]:
    if expected is None:
        return {}
    told = {
        "leads": estimate_text(expected.leads, least=1),
        "nine of ten weeks": f"{expected.weeks_low:.0f} to {expected.weeks_high:.0f}",
        "SQLs": "" if expected.sqls is None else estimate_text(expected.sqls, least=1),
        "wins": estimate_text(expected.wins, least=1),
        "revenue": estimate_text(expected.revenue, least=0),
        "precision": estimate_text(expected.precision, least=2),
        "one more call": estimate_text(expected.one_more_call, least=0),
    }
    return {name: text for name, text in told.items() if text}


def publication_rows(entries: Sequence[PublishedThresholds]) -> list[dict[str, str]]:
    """One row a publication: when, who, why, and the boundaries."""
    return [
        {
            "at (UTC)": f"{entry.at:%Y-%m-%d %H:%M}",
            "by": entry.by,
            "thresholds": entry.thresholds.thresholds_id,
            "eligible from": ", ".join(f"{one.team} {figure(one.boundary)}" for one in entry.thresholds.teams),
            "because": f"taken back to these: {entry.because}" if entry.reverts else entry.because,
        }
        for entry in entries
    ]
