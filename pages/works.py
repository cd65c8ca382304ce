"""Does it work? Each answer with its figures: against the rule, in its percentages, over time, and for leaks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.backtests import Backtest, KeptBacktest
from data_contracts.calibration import CHANCE_SHARE, CalibrationGroup, groups_off
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import day_judged
from data_contracts.evaluations import ModelFigures
from data_contracts.gate import GateVerdict
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.shadow import ShadowReport
from data_contracts.vocabulary import Transition
from pages.card import card_html
from pages.charts import Chart, backtest_chart, reliability_chart
from pages.evaluations import gate_table, groups_table, leaks_table, models_table
from pages.formats import Formats
from pages.frame import Frame, NotThere
from pages.shadow import STANDINGS, lists_table, shadow_table, weeks_table
from pages.site import Page
from pages.tables import Table

PATH, TITLE = "works.html", "Does it work?"

CALLED = {
    Transition.MQL_TO_SQL: "from MQL to SQL",
    Transition.SQL_TO_WIN: "from SQL to a win",
    Transition.MQL_TO_WIN: "from MQL to a win",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question about one transition: the finding, what stands behind it, and the names of its tables.

    `folded` are long tables, which a reader opens.
    """

    finding: str
    said: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()


def works_page(
    manifest: ReleaseManifest | NotThere,
    shadow: ShadowReport | NotThere,
    backtest: KeptBacktest | NotThere,
    *,
    verdict: GateVerdict | None,
    card: str,
    frame: Frame,
) -> Page:
    """The page with everything that can be held against the model.

    Parameters
    ----------
    manifest
        Of the release in force, or why there is none.
    shadow, backtest
        The rule against the model, and the windows over time; or why they are not there.
    verdict
        What the gate said when the release came into force; None where it was put back.
    card
        The model card of the release, in Markdown; empty where there is none.
    """
    tables: dict[str, Table] = {}
    told: dict[str, Any] = {"heading": _heading(manifest, shadow), "shadow": shadow, "manifest": manifest}
    told["verdict"] = verdict
    if isinstance(shadow, ShadowReport):
        tables |= {one.name: one for one in (shadow_table(shadow), lists_table(shadow), weeks_table(shadow))}
    told["calibration"], told["baselines"], told["leaks"] = [], [], []
    if isinstance(manifest, ReleaseManifest):
        for summary in manifest.transitions:
            asked = _Asked(summary, frame.formats, verdict)
            told["calibration"].append(asked.calibration(tables))
            told["baselines"].append(asked.baselines(tables))
            told["leaks"].append(asked.leaks(tables))
    if verdict is not None:
        tables["gate"] = gate_table(verdict)
    told["backtests"] = list(_backtests(backtest, frame.formats, tables))
    told["backtest_missing"] = backtest if isinstance(backtest, NotThere) else None
    told["card"] = card_html(card)
    return Page(PATH, TITLE, "works.html", told, tables)


def _heading(manifest: ReleaseManifest | NotThere, shadow: ShadowReport | NotThere) -> str:
    if isinstance(manifest, NotThere):
        return "No model is in force"
    if isinstance(shadow, ShadowReport):
        return STANDINGS[shadow.standing]
    without = [CALLED[one.transition] for one in manifest.transitions if not one.has_signal]
    if without:
        return f"No signal was found {' and '.join(without)}: the base rate by age is published"
    return "The models know more than the base rate by age"


@dataclass(frozen=True, slots=True)
class _Asked:
    """One transition of the release in force, and what the gate said of it."""

    summary: TransitionSummary
    formats: Formats
    verdict: GateVerdict | None

    @property
    def way(self) -> str:
        return CALLED[self.summary.transition]

    def calibration(self, tables: dict[str, Table]) -> Answer:
        """Whether the percentages mean what they say."""
        summary, calibration = self.summary, self.summary.calibration
        if calibration is None or not summary.evaluations:
            return Answer(f"{self.way}: nobody can say", "Too few outcomes are known to judge its percentages.")
        table = groups_table(summary.transition, calibration.groups)
        tables[table.name] = table
        chart = reliability_chart(
            summary.at_all_ages.reliability, calibration.curve, formats=self.formats, what=self.way
        )
        said = _off_said(calibration.groups, self.formats)
        finding = f"{self.way}: {_percentages_said(summary.at_all_ages.model, self.formats)}"
        return Answer(finding, said, (chart,), folded=(table.name,))

    def baselines(self, tables: dict[str, Table]) -> Answer:
        """Whether the model does better than what anybody could do."""
        summary = self.summary
        if not summary.evaluations:
            return Answer(f"{self.way}: nobody can say", "Too few outcomes are known to judge it on later leads.")
        table = models_table(summary)
        tables[table.name] = table
        gain = summary.at_all_ages.model.gain
        told = f"{self.formats.figure(gain.value)} ({_interval(gain, self.formats)})"
        better = (
            "it beats the base rate by age" if summary.has_signal else "it does not clearly beat the base rate by age"
        )
        judged = day_judged(summary.acting_day)
        said = f"Its gain at all ages is {told}. The table is of leads {judged}, the age at which people act."
        return Answer(f"{self.way}: {better}", said, tables=(table.name,))

    def leaks(self, tables: dict[str, Table]) -> Answer:
        """Whether something knew the answer."""
        report = self.summary.leaks
        if report is None:
            return Answer(f"{self.way}: nobody looked", "This release was made before leaks were looked for.")
        table = leaks_table(report)
        tables[table.name] = table
        found = [one for one in report.findings if one.verdict != "clear"]
        finding = (
            f"{len(found)} of {len(report.findings)} may have known the outcome"
            if found
            else "nothing knew the outcome"
        )
        said = " ".join(f"{one.told}." for one in found) or f"All {len(report.findings)} that were looked at are clear."
        return Answer(f"{self.way}: {finding}", said, folded=(table.name,))


def _percentages_said(judged: ModelFigures, formats: Formats) -> str:
    """Whether the percentages are too high or low, too bold or timid, with both figures; else that nothing says so."""
    level, slope = judged.calibration_intercept, judged.calibration_slope
    if level.low is None or slope.low is None:
        return "nobody can say whether percentages are right"
    off = [_side(level, 0.0, below="too high", above="too low"), _side(slope, 1.0, below="too bold", above="too timid")]
    found = " and ".join(one for one in off if one)
    said = f"percentages are {found}" if found else "nothing speaks against the percentages"
    of_level = f"level {formats.signed(level.value, 2)}, {_interval(level, formats, decimals=2)}; 0 is right"
    of_slope = f"slope {formats.number(slope.value, 2)}, {_interval(slope, formats, decimals=2)}; 1 is right"
    return f"{said} ({of_level}; {of_slope})"


def _side(estimate: Estimate, right: float, *, below: str, above: str) -> str:
    """On which side of what is right the whole interval lies; nothing where it holds it."""
    if estimate.high is not None and estimate.high < right:
        return below
    return above if estimate.low is not None and estimate.low > right else ""


def _interval(estimate: Estimate, formats: Formats, decimals: int = 3) -> str:
    return f"{formats.number(estimate.low, decimals)} to {formats.number(estimate.high, decimals)}"


def _backtests(backtest: KeptBacktest | NotThere, formats: Formats, tables: dict[str, Table]) -> Iterator[Answer]:
    """Whether it would have worked all along, by transition."""
    if isinstance(backtest, NotThere):
        return
    for transition, told in backtest.transitions.items():
        table = groups_table(transition, told.groups, name="backtest")
        tables[table.name] = table
        n_better = sum(window.has_gain for window in told.windows)
        finding = f"{CALLED[transition]}: better than the base rate by age in {n_better} of {len(told.windows)} windows"
        chart = backtest_chart(told, formats=formats, what=CALLED[transition])
        said = f"{_worst_window(told, formats)} {_off_said(told.groups, formats)}"
        yield Answer(finding, said, (chart,), folded=(table.name,))


def _off_said(groups: Sequence[CalibrationGroup], formats: Formats) -> str:
    """How many groups of leads were given percentages that are off, and the farthest of them."""
    off, n = groups_off(groups), len(groups)
    chance = formats.count(CHANCE_SHARE * n)
    first = f"{len(off)} of {n} groups of later leads were given percentages that are off; chance alone shows {chance}."
    if len(off) <= CHANCE_SHARE * n:
        return first
    farthest = (
        f"{one.by} {one.value} (given {formats.share(one.predicted)}, came {formats.share(one.observed)})"
        for one in off[:3]
    )
    return f"{first} Farthest off: {', '.join(farthest)}."


def _worst_window(told: Backtest, formats: Formats) -> str:
    judged = [one for one in told.windows if one.model.gain.value is not None]
    if not judged:
        return "No window has outcomes of both kinds."
    worst = min(judged, key=lambda one: one.model.gain.value or 0.0)
    gain = f"{formats.figure(worst.model.gain.value)} ({_interval(worst.model.gain, formats)})"
    return f"The poorest window begins {formats.day(worst.test_from)}: gain {gain}."
