"""The rule against the model, as a table."""

from data_contracts.shadow import ShadowFigure, ShadowReport, Standing, Terms
from pages.formats import Formats
from pages.tables import Column, Shown, Table, told_rows

AS_MANY_AS: dict[Terms, str] = {"equal_volume": "the rule hands off", "capacity": "sales can work"}
"""How many leads both sides hand off."""


def shadow_table(report: ShadowReport) -> Table:
    """What each side's leads bring in a week, on the same terms, and the difference with its interval."""
    columns = (
        Column("terms", "As many as", filters=True),
        Column("measured", "A week"),
        Column("rule", "Rule", Shown.NUMBER),
        Column("model", "Model", Shown.NUMBER),
        Column("difference", "Difference", Shown.NUMBER, low="difference_low", high="difference_high"),
        Column("rule_unknown", "Rule: unknown", Shown.NUMBER),
        Column("model_unknown", "Model: unknown", Shown.NUMBER),
        Column("if_alike", "If alike", Shown.NUMBER, low="if_alike_low", high="if_alike_high"),
        Column("worst", "At worst", Shown.NUMBER),
        Column("best", "At best", Shown.NUMBER),
    )
    rows = [
        {
            "terms": AS_MANY_AS[comparison.terms],
            "measured": one.measured if one.measured != "revenue" else f"revenue ({report.currency})",
            "rule": one.rule.known,
            "model": one.model.known,
            "difference": one.known.value,
            "difference_low": one.known.low,
            "difference_high": one.known.high,
            "rule_unknown": one.rule.unknown,
            "model_unknown": one.model.unknown,
            "if_alike": one.if_alike.value,
            "if_alike_low": one.if_alike.low,
            "if_alike_high": one.if_alike.high,
            "worst": one.worst.value if one.worst else None,
            "best": one.best.value if one.best else None,
        }
        for comparison in report.comparisons
        for one in comparison.figures
    ]
    return Table(
        "rule-against-model",
        f"{report.rule.said} against the model, a week",
        told_rows(rows, columns),
        columns,
        f"{report.n_weeks} weeks from {report.begins:%Y-%m-%d} to {report.ends:%Y-%m-%d}, each scored by models that "
        "knew only what came before. Rule and model: of leads whose outcome is known; the difference is model less "
        "rule. Unknown: leads that nobody called. If alike: the difference, if those are as called leads of about the "
        "same probability. At worst, the model's unknown all failed and the rule's all succeeded; at best the other "
        "way round. Intervals: 95 %, over accounts.",
    )


def lists_table(report: ShadowReport) -> Table:
    """Who would enter MQL and who would leave it."""
    columns = (
        Column("terms", "As many as"),
        Column("rule_leads", "Rule, leads a week", Shown.NUMBER),
        Column("model_leads", "Model, leads a week", Shown.NUMBER),
        Column("n_both", "On both", Shown.COUNT),
        Column("n_only_rule", "Leave: only the rule", Shown.COUNT),
        Column("n_only_model", "Enter: only the model", Shown.COUNT),
        Column("rule_called", "Rule's, called", Shown.SHARE),
        Column("model_called", "Model's, called", Shown.SHARE),
        Column("only_model_called", "Of those that enter, called", Shown.SHARE),
    )
    rows = [one.model_dump() | {"terms": AS_MANY_AS[one.terms]} for one in report.comparisons]
    return Table(
        "rule-against-model-lists",
        "Leads on the rule's list and on the model's",
        told_rows(rows, columns),
        columns,
        f"Over {report.n_weeks} weeks. Called: the share whose outcome is known, because sales worked it.",
    )


def weeks_table(report: ShadowReport) -> Table:
    """Every week of the comparison."""
    columns = (
        Column("begins", "Week from", Shown.DAY),
        Column("terms", "As many as", filters=True),
        Column("n_rule", "Rule, leads", Shown.COUNT),
        Column("n_model", "Model, leads", Shown.COUNT),
        Column("n_rule_known", "Rule, known", Shown.COUNT),
        Column("n_model_known", "Model, known", Shown.COUNT),
        Column("n_rule_converted", "Rule, converted", Shown.COUNT),
        Column("n_model_converted", "Model, converted", Shown.COUNT),
        Column("maturity", "Old enough", filters=True),
    )
    rows = [
        week.model_dump() | {"terms": AS_MANY_AS[week.terms], "maturity": "yes" if week.is_mature else "not yet"}
        for week in report.weeks
    ]
    return Table(
        "rule-against-model-weeks",
        "The comparison week by week",
        told_rows(rows, columns),
        columns,
        "Known: leads whose outcome is known. Converted: of these. A week is old enough once the horizon of its last "
        "lead has passed.",
    )


STANDINGS: dict[Standing, str] = {
    "model": "The model brings more than the rule",
    "model_if_alike": "The model brings more than the rule, if uncalled leads are like called ones",
    "cannot_tell": "Nobody can tell from the past whether the model brings more than the rule",
    "same": "The model and the rule bring the same",
    "rule_if_alike": "The rule brings more than the model, if uncalled leads are like called ones",
    "rule": "The rule brings more than the model",
}
"""The finding of a comparison."""


def short_verdict(report: ShadowReport, formats: Formats) -> str:
    """Both sides with as many leads as sales can work, in a few sentences; the verdict where that is not known."""
    comparison = report.comparison("capacity")
    if not comparison.figures or comparison.figures[0].if_alike.low is None:
        return report.verdict
    first = comparison.figures[0]
    brings = f"{formats.number(first.rule.if_alike.value)} {first.measured}"
    low, high = (_more(end, formats) for end in (first.if_alike.low, first.if_alike.high))
    both = (
        f"In {report.n_weeks} weeks up to {formats.day(report.ends)}, with the {formats.count(comparison.model_leads)} "
        f"leads a week that sales can work, the rule's leads bring {brings} a week, and the model's between {low} and "
        f"{high} (95 %)"
    )
    if not hangs_on_uncalled(first):
        return f"{both}. The outcome of all of them is known."
    rule_called, model_called = (formats.share(one) for one in (comparison.rule_called, comparison.model_called))
    return (
        f"{both}, if leads that nobody called are like called ones. That is an assumption: sales called {rule_called} "
        f"of the rule's leads and {model_called} of the model's, and of the others nobody knows."
    )


def hangs_on_uncalled(figure: ShadowFigure) -> bool:
    """Whether there are leads of either side whose outcome nobody knows."""
    return figure.rule.unknown > 0 or figure.model.unknown > 0


def _more(value: float | None, formats: Formats) -> str:
    return f"{formats.number(abs(value or 0.0))} {'fewer' if (value or 0.0) < 0 else 'more'}"
