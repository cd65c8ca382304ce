"""What was judged on later leads, as tables: models beside baselines, groups of leads, leaks."""

from collections.abc import Sequence

from data_contracts.calibration import CalibrationGroup
from data_contracts.evaluation_table import day_judged, model_names
from data_contracts.gate import GateVerdict
from data_contracts.leaks import SUBJECTS, LeakReport
from data_contracts.releases import TransitionSummary
from data_contracts.vocabulary import Transition
from pages.tables import Column, Shown, Table, told_rows

_MEASURES = {
    "log_loss": ("Log loss", Shown.FIGURE),
    "gain": ("Gain", Shown.FIGURE),
    "auc": ("AUC", Shown.FIGURE),
    "calibration_slope": ("Slope", Shown.FIGURE),
    "lift_in_top_tenth": ("Lift, top 10 %", Shown.NUMBER),
    "captured_at_capacity": ("Captured at capacity", Shown.SHARE),
}


def models_table(summary: TransitionSummary) -> Table:
    """The model and its baselines on the leads of the acting age."""
    evaluation = summary.at_acting_age
    columns = (
        Column("model", "Model"),
        *(
            Column(name, heading, shown, low=f"{name}_low", high=f"{name}_high")
            for name, (heading, shown) in _MEASURES.items()
        ),
    )
    rows = []
    for name, judged in zip(model_names(evaluation), evaluation.models, strict=True):
        row: dict[str, str | float | None] = {"model": name}
        for measure in _MEASURES:
            told = getattr(judged, measure)
            row |= {measure: told.value, f"{measure}_low": told.low, f"{measure}_high": told.high}
        rows.append(row)
    return Table(
        f"models-{summary.transition}",
        f"{summary.transition}: our model and what it is held against",
        told_rows(rows, columns),
        columns,
        f"{evaluation.n_test_leads:,} leads from {evaluation.test_from:%Y-%m-%d} to {evaluation.test_until:%Y-%m-%d}, "
        f"{day_judged(evaluation.day)}; neither they nor their accounts were learnt from. Gain: log loss of the base "
        "rate by age less the model's, so more is better. Captured: of all that converted, those among the leads that "
        "sales can work. Intervals: 95 %, over accounts.",
    )


def groups_table(transition: Transition, groups: Sequence[CalibrationGroup], *, name: str = "groups") -> Table:
    """Groups of leads: what they were given, and what came."""
    columns = (
        Column("by", "Leads by", filters=True),
        Column("value", "With"),
        Column("n_leads", "Leads", Shown.COUNT),
        Column("predicted", "Were given", Shown.SHARE),
        Column("observed", "Converted", Shown.SHARE),
        Column("excess", "Too high by", Shown.SHARE, low="excess_low", high="excess_high"),
        Column("is_off", "Off", filters=True, bad="off"),
    )
    rows = [
        {
            "by": group.by,
            "value": group.value,
            "n_leads": group.n_leads,
            "predicted": group.predicted,
            "observed": group.observed,
            "excess": group.excess.value,
            "excess_low": group.excess.low,
            "excess_high": group.excess.high,
            "is_off": "off" if group.is_off else "",
        }
        for group in groups
    ]
    return Table(
        f"{name}-{transition}",
        f"{transition}: what groups of later leads were given, and what came",
        told_rows(rows, columns),
        columns,
        "Later leads at all ages, weighted alike. Off: the 95 % interval of the difference leaves out 0, which chance "
        "alone makes of one group in twenty.",
    )


def leaks_table(report: LeakReport) -> Table:
    """One row an attribute or activity kind that was looked at."""
    columns = (
        Column("what", "What"),
        Column("verdict", "Verdict", filters=True, bad="leak"),
        Column("declared", "Declared"),
        Column("auc", "AUC alone", Shown.FIGURE, low="auc_low", high="auc_high"),
        Column("adds", "Adds", Shown.FIGURE, low="adds_low", high="adds_high"),
        Column("reason", "Why"),
    )
    rows = []
    for finding in report.findings:
        auc, adds = finding.auc_alone, finding.gain_on_top
        rows.append(
            {
                "what": f"{SUBJECTS[finding.subject]} {finding.name}",
                "verdict": finding.verdict,
                "declared": finding.declared,
                "auc": auc.value if auc else None,
                "auc_low": auc.low if auc else None,
                "auc_high": auc.high if auc else None,
                "adds": adds.value if adds else None,
                "adds_low": adds.low if adds else None,
                "adds_high": adds.high if adds else None,
                "reason": finding.reason,
            }
        )
    return Table(
        f"leaks-{report.transition}",
        f"{report.transition}: what may have known the outcome",
        told_rows(rows, columns),
        columns,
        f"{report.n_leads:,} leads that ever waited for it, judged on those from {report.test_from:%Y-%m-%d}. AUC "
        "alone: how well it ranks leads by itself (0.5 is chance). Adds: how much it lowers the log loss beside all "
        "the rest.",
    )


def gate_table(verdict: GateVerdict) -> Table:
    """What the gate asked of the release before it came into force."""
    columns = (Column("name", "Asked"), Column("verdict", "Answer", bad="fails"), Column("says", "Figures"))
    words = {True: "passes", False: "fails", None: "not asked"}
    rows = [one.model_dump() | {"verdict": words[one.passes]} for one in verdict.checks]
    against = f"against {verdict.champion_id}" if verdict.champion_id else "with nothing in force"
    return Table(
        "gate",
        "What was asked before the release came into force",
        told_rows(rows, columns),
        columns,
        f"Asked of {verdict.release_id}, {against}. One answer that fails holds a release back until a person decides.",
    )
