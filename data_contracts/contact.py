"""Whom sales contacted, and what that leaves unknown about all the others.

A report prints as a table and shows as one in a notebook.
"""

import datetime as dt

from data_contracts.estimates import Estimate, Record
from data_contracts.record_table import table_html, table_text
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text, figure, percent

ASSUMPTION = "never-contacted leads convert as contacted leads with the same features"
"""What has to hold for the narrow figure. The history cannot show whether it does."""


class MonthOfContact(Record):
    """The leads that entered in a month (`2026-03`, UTC): all, those contacted, and those unlike any labelled lead."""

    month: str
    n_leads: int
    n_contacted: int
    n_unlike: int


class RateBounds(Record):
    """What share of all leads of the test period would have converted, had sales contacted each of them.

    Attributes
    ----------
    contacted
        The share of the contacted leads that did.
    lowest, highest
        Whatever the never-contacted would have done: if all of them had failed, if all had succeeded (Manski, 1989,
        "Anatomy of the Selection Problem", J Hum Resour 24:343). The truth lies between.
    if_alike
        If `ASSUMPTION` holds.
    """

    n_leads: int
    n_contacted: int
    contacted: Estimate
    lowest: Estimate
    highest: Estimate
    if_alike: Estimate


class WeightingEffect(Record):
    """What a correction by weights would change. It is off: these figures say whether it might pay.

    Attributes
    ----------
    plain, weighted
        Mean probability over all leads of the test period, without and with the correction.
    change
        The second less the first.
    gain_among_contacted, gain_among_all
        Log loss without the correction less that with it, on contacted leads of the test: each counted once, and
        weighted so that they stand for all leads. Above 0 the correction is better.
    """

    plain: Estimate
    weighted: Estimate
    change: Estimate
    gain_among_contacted: Estimate
    gain_among_all: Estimate


class ContactReport(Record):
    """Which of the leads that entered the stage sales contacted, and how far those stand for all.

    All leads are the mature ones: contacted or never contacted, as they entered. What is censored or unsettled is in
    neither. Every estimate has a 95 % interval over accounts; what the training of the models adds to it is left out.

    Attributes
    ----------
    auc
        How well the features tell who will be contacted: learnt on earlier leads, judged on leads from `test_from` on.
    n_unlike
        Leads of all months whose chance of contact is so low that hardly any lead with such a chance was contacted.
    unlike_up_to
        The highest chance, before calibration, that such a lead was given; None where there is no such lead.
    thin_below, n_thin
        The chance of contact below which labelled leads are so few that a figure of all leads is more precise without,
        and the leads there; 0.0 and 0 where there is no such chance.
    n_effective
        How many contacted leads of equal weight would tell as much as all contacted leads do once they are weighted to
        stand for all leads.
    """

    transition: Transition
    test_from: dt.datetime
    test_until: dt.datetime
    n_leads: int
    n_contacted: int
    auc: Estimate
    n_unlike: int
    unlike_up_to: float | None
    thin_below: float
    n_thin: int
    n_effective: float
    months: tuple[MonthOfContact, ...]
    rate: RateBounds
    weighting: WeightingEffect

    @property
    def unlike_share(self) -> float:
        """Share of all leads that are unlike any labelled lead."""
        return self.n_unlike / self.n_leads

    def __str__(self) -> str:
        return contact_text(self)

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        return contact_html(self)


def contact_rows(report: ContactReport) -> list[dict[str, str]]:
    """One row a figure: what it is, the figure, and what it says."""
    rate, weighting = report.rate, report.weighting
    n_unknown = rate.n_leads - rate.n_contacted
    rows = (
        ("contacted", share_text(report.n_contacted, report.n_leads), "only these have an outcome"),
        ("AUC of contact", estimate_text(report.auc), "0.5: nobody could tell who is contacted"),
        ("unlike", share_text(report.n_unlike, report.n_leads), "no labelled lead is like them"),
        ("thin", share_text(report.n_thin, report.n_leads), _thin_text(report)),
        ("effective leads", f"{report.n_effective:,.0f}", f"what {report.n_contacted:,} contacted ones tell about all"),
        ("rate, contacted", estimate_text(rate.contacted), f"{rate.n_contacted:,} leads of the test period"),
        ("rate, lowest", estimate_text(rate.lowest), f"all {n_unknown:,} never contacted fail"),
        ("rate, highest", estimate_text(rate.highest), f"all {n_unknown:,} never contacted succeed"),
        ("rate, if alike", estimate_text(rate.if_alike), f"assumed: {ASSUMPTION}"),
        ("mean probability", estimate_text(weighting.plain), "of all leads of the test period"),
        ("the same, weighted", estimate_text(weighting.weighted), f"change {estimate_text(weighting.change)}"),
        ("weights gain", estimate_text(weighting.gain_among_contacted), "log loss among contacted leads"),
        ("weights gain, all", estimate_text(weighting.gain_among_all), "the same, contacted leads standing for all"),
    )
    return [{"what": what, "figure": value, "says": says} for what, value, says in rows]


def contact_summary(report: ContactReport) -> list[str]:
    """Three sentences: whom sales contacted, what the rate of all leads may be, and what weights would change."""
    rate, begin = report.rate, f"{report.transition}: "
    return [
        f"{begin}sales contacted {percent(report.n_contacted / report.n_leads)} of {report.n_leads:,} leads; for "
        f"{percent(report.unlike_share)} of all leads no labelled lead is like them",
        f"{begin}the rate of all leads from {report.test_from:%Y-%m-%d} on lies between "
        f"{estimate_text(rate.lowest)} and {estimate_text(rate.highest)}, whatever the others would do; it is "
        f"{estimate_text(rate.if_alike)} if {ASSUMPTION}",
        f"{begin}weights for the chance of contact would change the mean probability of all leads by "
        f"{estimate_text(report.weighting.change)}; they are off",
    ]


def contact_title(report: ContactReport) -> str:
    """What was looked at."""
    return (
        f"{report.transition}: contact among {report.n_leads:,} leads; test from {report.test_from:%Y-%m-%d} to "
        f"{report.test_until:%Y-%m-%d}; 95 % intervals"
    )


def contact_text(report: ContactReport) -> str:
    """The title, and the table in columns of one width."""
    return table_text(contact_title(report), contact_rows(report))


def contact_html(report: ContactReport) -> str:
    """As `contact_text`, as one HTML table; every text in it is escaped."""
    return table_html(contact_title(report), contact_rows(report))


def share_text(n: int, n_all: int) -> str:
    """A count and its share.

    >>> share_text(70, 1_000)
    '70 of 1,000 (7 %)'
    """
    return f"{n:,} of {n_all:,} ({percent(n / n_all)})"


def _thin_text(report: ContactReport) -> str:
    if not report.n_thin:
        return "labelled leads like them are many enough everywhere"
    return f"chance of contact below {figure(report.thin_below)}: few labelled leads are like them"
