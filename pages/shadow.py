"""The rule against the model, as a table."""

from data_contracts.shadow import TERMS, ShadowReport
from pages.tables import Column, Shown, Table, told_rows


def shadow_table(report: ShadowReport) -> Table:
    """What each side's leads bring in a week, on the same terms, and the difference with its interval."""
    columns = (
        Column("terms", "At the same number", filters=True),
        Column("measured", "A week"),
        Column("rule", "Rule", Shown.NUMBER),
        Column("model", "Model", Shown.NUMBER),
        Column("difference", "Model less rule", Shown.NUMBER, low="difference_low", high="difference_high"),
        Column("rule_unknown", "Rule's unknown", Shown.NUMBER),
        Column("model_unknown", "Model's unknown", Shown.NUMBER),
        Column("if_alike", "If those are alike", Shown.NUMBER, low="if_alike_low", high="if_alike_high"),
        Column("worst", "At worst", Shown.NUMBER),
        Column("best", "At best", Shown.NUMBER),
    )
    rows = [
        {
            "terms": TERMS[comparison.terms],
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
        "knew only what came before. Rule and model: of leads whose outcome is known. Unknown: leads that nobody called. "
        "If those are alike: as called leads of about the same probability. At worst, the model's unknown all failed and "
        "the rule's all succeeded; at best the other way round. Intervals: 95 %, over accounts.",
    )
