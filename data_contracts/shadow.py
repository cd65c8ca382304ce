"""The old rule and the model on the same past: whom each would have handed off, and what came of it."""

import datetime as dt
from typing import Literal

from data_contracts.conditions import Condition
from data_contracts.estimates import Estimate, Record
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text, figure

RuleKind = Literal["points", "condition", "crm"]
"""By the point rule of the definitions, by a condition on an attribute, or by what the CRM did."""

Measured = Literal["SQLs", "wins", "revenue"]

Standing = Literal["model", "model_if_alike", "cannot_tell", "same", "rule_if_alike", "rule"]
"""Which does better: beyond doubt, if uncalled leads are like called ones, or nobody can tell."""

Terms = Literal["equal_volume", "capacity"]
"""As many leads a week as the rule hands off, or as many as sales can work."""

TERMS: dict[Terms, str] = {"equal_volume": "as many leads as the rule", "capacity": "as many leads as sales can work"}

ListName = Literal["both", "only the rule", "only the model"]


class OldRule(Record):
    """What hands leads off until now.

    Attributes
    ----------
    condition
        Of the kind `condition`; None otherwise.
    threshold
        Of the kind `points`; None otherwise.
    said
        The rule in a few words: "the point rule (30 points)".
    """

    kind: RuleKind
    condition: Condition | None = None
    threshold: float | None = None
    said: str


class SideFigures(Record):
    """What the leads of one side brought in a week, as far as it is known.

    Attributes
    ----------
    known
        Of leads whose outcome is known.
    unknown
        Leads whose outcome nobody knows: sales never called them, or they were closed nobody knows when.
    if_alike
        With the unknown ones, if they are like called ones with about the same probability.
    """

    known: float
    unknown: float
    if_alike: Estimate


class ShadowFigure(Record):
    """One thing that leads bring, in a week; over the weeks that are old enough to know.

    Attributes
    ----------
    n_weeks, n_immature_weeks
        Weeks that count, and weeks whose horizon has not passed: these count nowhere.
    known, if_alike
        The model's less the rule's, with 95 % intervals over accounts: of known outcomes alone, and with the unknown
        ones as in `SideFigures`.
    worst, best
        The same, if the unknown leads of the model had all failed and those of the rule all succeeded; and the other
        way round. None of revenue, which has no bound.
    breaks_even
        What share of `if_alike` the unknown leads that the model alone hands off have to bring, so that the model is
        not behind, in (0, 1); None where `if_alike` is not above 0, or they could bring nothing at all.
    """

    measured: Measured
    n_weeks: int
    n_immature_weeks: int
    rule: SideFigures
    model: SideFigures
    known: Estimate
    if_alike: Estimate
    worst: Estimate | None
    best: Estimate | None
    breaks_even: float | None = None


class ShadowComparison(Record):
    """Both sides on the same terms.

    Attributes
    ----------
    rule_leads, model_leads
        Handed off in a week, over all weeks.
    n_both, n_only_rule, n_only_model
        Leads on each list, over all weeks.
    rule_called, model_called, only_model_called
        The share of the leads of the weeks that count for the first figure whose outcome is known; None without any.
        The last is of those that only the model hands off.
    figures
        The first is of the first transition. Where no week is old enough for one, it is not there.
    """

    terms: Terms
    rule_leads: float
    model_leads: float
    n_both: int
    n_only_rule: int
    n_only_model: int
    rule_called: float | None
    model_called: float | None
    only_model_called: float | None
    figures: tuple[ShadowFigure, ...]


class ShadowWeek(Record):
    """One week of one comparison. `n_…_known` are leads whose outcome of the first transition is known.

    `is_mature`, `is_mature_for_wins` say whether the horizons of all its leads have passed.
    """

    terms: Terms
    begins: dt.datetime
    is_mature: bool
    is_mature_for_wins: bool
    n_rule: int
    n_model: int
    n_both: int
    n_rule_known: int
    n_model_known: int
    n_rule_converted: int
    n_model_converted: int
    n_rule_won: int
    n_model_won: int
    rule_revenue: float
    model_revenue: float


class ShadowReport(Record):
    """The old rule and the model on the same weeks, each scored by models that knew nothing of it.

    Attributes
    ----------
    begins, ends
        The first and the last moment of the weeks (UTC, naive); `extracted_at` is until when outcomes are known.
    trained_at
        When models were made anew, of what was known then.
    recipe
        How the model of the first transition is made, chosen before the first week.
    sampled_share
        The share of the accounts that was looked at, in (0, 1]. Figures a week are of all, lists and weeks of these.
    currency
        Of revenue.
    standing, verdict
        Which does better, and that in words.
    """

    rule: OldRule
    transition: Transition
    begins: dt.datetime
    ends: dt.datetime
    n_weeks: int
    extracted_at: dt.datetime
    trained_at: tuple[dt.datetime, ...]
    recipe: str
    sampled_share: float
    currency: str
    definitions_version: str
    policy_version: str
    data_fingerprint: str
    comparisons: tuple[ShadowComparison, ...]
    weeks: tuple[ShadowWeek, ...]
    standing: Standing
    verdict: str

    def comparison(self, terms: Terms) -> ShadowComparison:
        """The comparison on these terms."""
        return next(one for one in self.comparisons if one.terms == terms)


def shadow_title(report: ShadowReport) -> str:
    """What was compared, and over which weeks."""
    return (
        f"{report.rule.said} against the model, {report.n_weeks} weeks from {report.begins:%Y-%m-%d} to "
        f"{report.ends:%Y-%m-%d}, a week; outcomes as known on {report.extracted_at:%Y-%m-%d}; 95 % intervals"
    )


def shadow_rows(report: ShadowReport) -> list[dict[str, str]]:
    """One row a comparison and figure: known outcomes, unknown ones, and the difference with its bounds."""
    return [
        {
            "on the terms": TERMS[comparison.terms],
            "a week": one.measured if one.measured != "revenue" else f"revenue ({report.currency})",
            "weeks that count": f"{one.n_weeks} of {one.n_weeks + one.n_immature_weeks}",
            "rule: known": _amount(one.rule.known, one),
            "unknown leads": f"{one.rule.unknown:.1f}",
            "model: known": _amount(one.model.known, one),
            "unknown leads ": f"{one.model.unknown:.1f}",
            "known: model less rule": estimate_text(one.known, least=_decimals(one)),
            "if the unknown are alike": estimate_text(one.if_alike, least=_decimals(one)),
            "at worst for the model": "" if one.worst is None else estimate_text(one.worst, least=1),
            "at best": "" if one.best is None else estimate_text(one.best, least=1),
        }
        for comparison in report.comparisons
        for one in comparison.figures
    ]


def list_rows(report: ShadowReport) -> list[dict[str, str]]:
    """One row a comparison: how many leads a week each side hands off, and how many are on each list."""
    return [
        {
            "on the terms": TERMS[one.terms],
            "rule, leads a week": f"{one.rule_leads:.1f}",
            "model, leads a week": f"{one.model_leads:.1f}",
            "both": f"{one.n_both:,}",
            "leave: only the rule": f"{one.n_only_rule:,}",
            "enter: only the model": f"{one.n_only_model:,}",
            "of the rule's, called": _share(one.rule_called),
            "of the model's, called": _share(one.model_called),
            "of those that enter, called": _share(one.only_model_called),
        }
        for one in report.comparisons
    ]


def _decimals(one: ShadowFigure) -> int:
    return 0 if one.measured == "revenue" else 1


def _amount(value: float, one: ShadowFigure) -> str:
    return f"{value:,.0f}" if one.measured == "revenue" else figure(value, least=1)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
