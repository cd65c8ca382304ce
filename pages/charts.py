"""Charts: one question each, drawn to SVG while the page is written, in the colours of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from data_contracts.backtests import Backtest
from data_contracts.calibration import CalibrationCurve
from data_contracts.evaluations import ReliabilityBin
from data_contracts.kept_checks import KeptCheck
from pages.formats import Formats

INK, SOFT, LINE, BLUE, BAD = "var(--ink)", "var(--soft)", "var(--line)", "var(--blue)", "var(--bad)"
"""The stylesheet's colours: a chart follows the page into the dark."""

WIDTH, HEIGHT = 340, 220


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart.

    Attributes
    ----------
    svg
        Its picture: texts in it are escaped by the renderer.
    told
        What it shows, with the numbers, for those who do not see it.
    caption
        The question that it answers, and how to read it.
    """

    svg: Markup
    told: str
    caption: str


def reliability_chart(
    bins: Sequence[ReliabilityBin], curve: CalibrationCurve | None, *, formats: Formats, what: str
) -> Chart:
    """Do the percentages mean what they say? Leads by what they were given, against what share of them converted."""
    import altair as alt

    rows = [one.model_dump() for one in bins]
    top = max([one.high for one in bins] + [one.predicted for one in bins], default=1.0)
    ends = [{"predicted": 0.0, "observed": 0.0}, {"predicted": top, "observed": top}]
    axis = {"scale": alt.Scale(domain=[0, top], nice=False), "axis": alt.Axis(format="%", tickCount=5)}
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("predicted:Q", title="what we said", **axis))
    line = alt.Chart(alt.Data(values=ends)).mark_line(color=SOFT, strokeDash=[4, 4])
    layers = [
        line.encode(x=alt.X("predicted:Q", title="what we said", **axis), y=alt.Y("observed:Q", **axis)),
        base.mark_rule(color=BLUE, strokeWidth=2).encode(y=alt.Y("low:Q", title="what came", **axis), y2="high:Q"),
        base.mark_point(filled=True, size=60, color=BLUE, opacity=1).encode(y=alt.Y("observed:Q", **axis)),
    ]
    said = ", ".join(f"{formats.share(one.predicted)} came {formats.share(one.observed)}" for one in bins)
    of_curve = f" Drawn from {formats.count(curve.n_leads)} later leads." if curve is not None else ""
    return Chart(
        _drawn(alt.layer(*layers)),
        f"{what}: of leads given {said}.",
        f"{what}: do the percentages mean what they say? Dots on the line do. Bars: 95 %.{of_curve}",
    )


def backtest_chart(told: Backtest, *, formats: Formats, what: str) -> Chart:
    """Would it have worked all along? The gain of each window over the base rate by age, with its interval."""
    import altair as alt

    windows = [one for one in told.windows if one.model.gain.value is not None]
    rows: list[dict[str, Any]] = [
        {
            "window": formats.day(one.test_from),
            "gain": one.model.gain.value,
            "low": one.model.gain.low,
            "high": one.model.gain.high,
        }
        for one in windows
    ]
    order = [row["window"] for row in rows]
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("window:N", sort=order, title="leads from"))
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=SOFT, strokeDash=[4, 4]).encode(y="zero:Q")
    layers = [
        zero,
        base.mark_rule(color=BLUE, strokeWidth=2).encode(y=alt.Y("low:Q", title="gain (log loss)"), y2="high:Q"),
        base.mark_point(filled=True, size=60, color=BLUE, opacity=1).encode(y="gain:Q"),
    ]
    said = "; ".join(
        f"from {row['window']} {formats.number(row['gain'], 3)} "
        f"({formats.number(row['low'], 3)} to {formats.number(row['high'], 3)})"
        for row in rows
    )
    return Chart(
        _drawn(alt.layer(*layers)),
        f"{what}: gain over the base rate by age, {said}.",
        f"{what}: would it have worked all along? Above the dashed line it did better than the base rate by age. "
        "Bars: 95 %.",
    )


def refused_chart(checks: Sequence[KeptCheck], *, usual: float | None, formats: Formats) -> Chart:
    """Are more rows refused than before? The share of each check, the oldest first; `usual` is what it mostly was."""
    import altair as alt

    judged = [one for one in checks if one.refused_share is not None]
    rows: list[dict[str, Any]] = [
        {"check": n, "share": one.refused_share, "accepted": one.is_accepted} for n, one in enumerate(judged, start=1)
    ]
    # A check is a step, whatever time lies between two.
    when = alt.X(
        "check:Q", title="checks, the latest to the right", axis=alt.Axis(labels=False, ticks=False, grid=False)
    )
    top = alt.Scale(domainMin=0, nice=True)
    share = alt.Y("share:Q", title="refused rows", scale=top, axis=alt.Axis(format=".1%", tickCount=4))
    base = alt.Chart(alt.Data(values=rows)).encode(x=when, y=share)
    colour = alt.condition("datum.accepted", alt.value(BLUE), alt.value(BAD))
    layers = [base.mark_line(color=LINE), base.mark_point(filled=True, size=60, opacity=1).encode(color=colour)]
    if usual is not None:
        rule = alt.Chart(alt.Data(values=[{"share": usual}])).mark_rule(color=SOFT, strokeDash=[4, 4])
        layers.append(rule.encode(y=share))
    said = "; ".join(
        f"{formats.moment(one.checked_at)} {formats.share(one.refused_share)}"
        f"{'' if one.is_accepted else ', stopped by its contract'}"
        for one in judged
    )
    latest = formats.share(judged[-1].refused_share)
    beside = "" if usual is None else f" and mostly {formats.share(usual)} before (dashed)"
    return Chart(
        _drawn(alt.layer(*layers)),
        f"Share of refused rows by check: {said}.",
        f"Are more rows refused than before? {latest} in the latest check{beside}. Red: stopped by its contract.",
    )


def score_chart(rows: Sequence[Mapping[str, Any]], *, formats: Formats) -> Chart:
    """Is it getting likelier? The probability of the next step, score by score, with its interval.

    `rows` are of `SCORE_HISTORY_SCHEMA`, at least two.
    """
    import altair as alt

    ordered = sorted(rows, key=lambda row: row["as_of"])
    names = ("p_next", "p_next_low", "p_next_high")
    told = [{"at": row["as_of"].isoformat() + "Z", **{name: row[name] for name in names}} for row in ordered]
    top = max(row[name] or 0.0 for row in ordered for name in names)
    axis = {"scale": alt.Scale(domain=[0, top], nice=True), "axis": alt.Axis(format="%", tickCount=4)}
    base = alt.Chart(alt.Data(values=told)).encode(
        x=alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=4))
    )
    y = alt.Y("p_next:Q", title="next step", **axis)
    layers = [
        base.mark_area(color=BLUE, opacity=0.2, interpolate="step-after").encode(
            y=alt.Y("p_next_low:Q", title="next step", **axis), y2="p_next_high:Q"
        ),
        base.mark_line(color=BLUE, interpolate="step-after").encode(y=y),
        base.mark_point(filled=True, size=40, color=BLUE, opacity=1).encode(y=y),
    ]
    said = "; ".join(f"{formats.day(row['as_of'])} {formats.share(row['p_next'])}" for row in ordered)
    return Chart(
        _drawn(alt.layer(*layers)),
        f"Probability of the next step by published score: {said}.",
        "Is it getting likelier? A dot is a published score, the band its 95 % interval.",
    )


def _drawn(chart: Any) -> Markup:
    """The chart as SVG. Nothing is fetched while it is drawn."""
    import vl_convert

    styled: dict[str, Any] = (
        chart.properties(width=WIDTH, height=HEIGHT, background="transparent")
        .configure(font="system-ui")  # first: it takes the place of any configuration before it
        .configure_axis(
            labelColor=SOFT,
            titleColor=SOFT,
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
            titleFontWeight=400,
            labelFontSize=12,
            titleFontSize=12,
            labelAngle=0,
        )
        .configure_view(stroke=None)
        .to_dict()
    )
    svg: str = vl_convert.vegalite_to_svg(styled, allowed_base_urls=[])
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704 - Vega escapes
