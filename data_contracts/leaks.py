"""What may have known the outcome: one finding an attribute or activity kind, and the report of a transition.

A report prints as a table and shows as one in a notebook.
"""

import datetime as dt
from typing import Literal

from data_contracts.estimates import Estimate, Record
from data_contracts.record_table import table_html, table_text
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text, percent

Verdict = Literal["leak", "suspect", "clear"]
"""`leak`: there is evidence in time. `suspect`: too good to be true, without such evidence. `clear`: neither."""

_VERDICTS: dict[Verdict, str] = {"leak": "a leak", "suspect": "suspect", "clear": "clear"}

Subject = Literal["attribute", "activity_kind", "rows", "model"]
SUBJECTS: dict[Subject, str] = {
    "attribute": "attribute",
    "activity_kind": "activity kind",
    "rows": "rows",
    "model": "model",
}


class Count(Record):
    """How many of `n` leads have something: `n_having` of them."""

    n_having: int
    n: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None where there are no leads."""
        return self.n_having / self.n if self.n else None


class ByFate(Record):
    """The leads that have something, by what has become of them by the extract: converted, closed, still open."""

    converted: Count
    closed: Count
    still_open: Count

    def __str__(self) -> str:
        shares = (self.converted.share, self.closed.share, self.still_open.share)
        return " / ".join("–" if share is None else percent(round(share, 4)) for share in shares)


class LeakFinding(Record):
    """What was found about one attribute or activity kind, about the rows of a table, or about the whole model.

    Attributes
    ----------
    subject, name
        What it is about. No value in it identifies a person.
    declared
        Its availability as declared, or how an activity kind is known.
    reason
        Why the verdict is what it is, in words and with the figures.
    allowed_because
        Why it may be used all the same; empty where the settings do not say.
    at_entry, at_extract
        The leads for which it is filled (attribute) or has happened (kind), as known at their entry, and in the latest
        extract.
    auc_alone
        Area under the ROC curve of the attribute or kind alone: learnt on earlier leads, judged on later ones.
    gain_alone, gain_on_top
        How much it lowers the log loss: alone below that of the base rate, and with all other features below theirs.
    """

    subject: Subject
    name: str
    declared: str
    verdict: Verdict
    reason: str
    allowed_because: str = ""
    at_entry: ByFate | None = None
    at_extract: ByFate | None = None
    auc_alone: Estimate | None = None
    gain_alone: Estimate | None = None
    gain_on_top: Estimate | None = None

    @property
    def holds_back(self) -> bool:
        """Whether a release with it waits for a person."""
        return self.verdict != "clear" and not self.allowed_because

    @property
    def told(self) -> str:
        """The verdict and its reason as one sentence."""
        allowed = f" (allowed: {self.allowed_because})" if self.verdict != "clear" and self.allowed_because else ""
        return f"{SUBJECTS[self.subject]} {self.name} is {_VERDICTS[self.verdict]}{allowed}: {self.reason}"


class LeakReport(Record):
    """What each declared attribute, each activity kind, the rows and the model of one transition may have known.

    Attributes
    ----------
    n_leads, n_open
        Leads that ever waited for the transition, and those of them that are open at the extract.
    test_from
        Where the later leads begin, on which what was learnt from earlier ones is judged (UTC, naive).
    findings
        Leaks first, then suspects, then what is clear.
    """

    transition: Transition
    extracted_at: dt.datetime
    test_from: dt.datetime
    n_leads: int
    n_open: int
    findings: tuple[LeakFinding, ...]

    @property
    def holding_back(self) -> tuple[LeakFinding, ...]:
        """The findings that hold a release back."""
        return tuple(finding for finding in self.findings if finding.holds_back)

    @property
    def n_clear(self) -> int:
        """How many findings are clear."""
        return sum(finding.verdict == "clear" for finding in self.findings)

    def __str__(self) -> str:
        return leaks_text(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        return leaks_html(self)


def leak_rows(report: LeakReport) -> list[dict[str, str]]:
    """One row a finding: what it is, the verdict, the figures, the reason."""
    return [
        {
            "what": f"{SUBJECTS[finding.subject]} {finding.name}",
            "declared": finding.declared,
            "verdict": _verdict_text(finding),
            "AUC alone": _figure(finding.auc_alone),
            "gain alone": _figure(finding.gain_alone),
            "adds": _figure(finding.gain_on_top),
            "at entry": "" if finding.at_entry is None else str(finding.at_entry),
            "at extract": "" if finding.at_extract is None else str(finding.at_extract),
            "reason": finding.reason,
        }
        for finding in report.findings
    ]


def leak_summary(report: LeakReport) -> list[str]:
    """How many findings are clear, then a sentence for each leak and each suspect."""
    others = [finding for finding in report.findings if finding.verdict != "clear"]
    first = f"{report.transition}: {report.n_clear} of {len(report.findings)} are clear of leaks"
    return [first, *(f"{report.transition}: {finding.told}" for finding in others)]


def leaks_title(report: LeakReport) -> str:
    """What was looked at."""
    return (
        f"{report.transition}: leaks among {report.n_leads:,} leads, {report.n_open:,} of them open; figures on leads "
        f"from {report.test_from:%Y-%m-%d}; shares: converted / closed / still open; 95 % intervals"
    )


def leaks_text(report: LeakReport) -> str:
    """The title, and the table in columns of one width."""
    return table_text(leaks_title(report), leak_rows(report))


def leaks_html(report: LeakReport) -> str:
    """As `leaks_text`, as one HTML table; every text in it is escaped."""
    return table_html(leaks_title(report), leak_rows(report))


def _verdict_text(finding: LeakFinding) -> str:
    return f"{finding.verdict}, allowed" if finding.verdict != "clear" and finding.allowed_because else finding.verdict


def _figure(estimate: Estimate | None) -> str:
    return "" if estimate is None else estimate_text(estimate)
