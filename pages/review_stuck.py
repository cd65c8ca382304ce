"""Where leads and deals are stuck, on a page: open for longer than is usual, or past their expected close."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.stuck import AT_STAKE, DAYS, LATE_RATE, PAST_CLOSE, RATE, SLOW, USUAL, Stuck, Waits
from data_contracts.vocabulary import Stage
from pages.agreement import said_stage
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_words import (
    NOT_KNOWN,
    Row,
    counted,
    in_words,
    range_of,
    sure,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table

AUDIENCE = "seller leader marketer"
_CALLED = {Waits.LEAD: ("lead", "leads"), Waits.DEAL: ("deal", "deals")}


def stuck_section(stuck: Stuck, formats: Formats, *, name: str) -> Section:
    """Where most is stuck now, stage by stage; what is usual, and what is stuck, are opened.

    Parameters
    ----------
    name
        What the tables' files begin with.
    """
    stages = stuck.by_stage.to_pylist()
    if not any(row["open"] for row in stages):
        return Section(
            "Nothing is open, so nothing is stuck",
            missing=NotThere("Sales has no open lead and no open deal. If it has, see `[crm.stages]`."),
            audience=AUDIENCE,
        )
    usual = stuck.usual.to_pylist()
    folded = {"How long each stage usually takes": _usual(stuck, formats, name)}
    n = stuck.listed.num_rows
    if n:
        folded = {f"All {formats.count(n)} that are stuck, the furthest first": _listed(stuck, name)} | folded
    return Section(
        _heading(stages, usual, formats),
        _said(stages, usual, formats),
        tuple(_figures(stages, formats)),
        (_by_stage(stuck, name),),
        folded=folded,
        audience=AUDIENCE,
    )


def _heading(stages: Sequence[Row], usual: Sequence[Row], formats: Formats) -> str:
    is_unknown = all(row["usual_days"] is None for row in usual)
    if not any(row["listed"] for row in stages):
        if is_unknown:
            return "What is stuck nobody can say yet: too few went well to know how long that takes"
        return f"Nothing is stuck: none of {formats.count(sum(row['open'] for row in stages))} is slower than usual"
    most, untouched = _most(stages), sum(row["never_touched"] for row in stages)
    longer = "open past the expected close" if is_unknown else "open for longer than usual or past the expected close"
    begun = most["listed"] - most["never_touched"]
    if untouched and begun:
        return (
            f"Of what sales began most is stuck {_place(most)}: {formats.count(begun)} are {longer}; "
            f"{formats.count(untouched)} more it never touched"
        )
    return (
        f"Most is stuck {_place(most)}: {formats.count(most['listed'])} of {formats.count(most['open'])} are {longer}"
    )


def _most(stages: Sequence[Row]) -> Row:
    """Where sales has most to decide on: what it never touched is stuck with nobody."""
    return max(stages, key=lambda row: (row["listed"] - row["never_touched"], row["listed"]))


def _place(row: Row) -> str:
    return "in deals" if row["waits"] == Waits.DEAL else f"in {said_stage(Stage(row['stage']))}"


def _said(stages: Sequence[Row], usual: Sequence[Row], formats: Formats) -> str:
    if not any(row["listed"] for row in stages):
        return ""
    most = _most(stages)
    told = "Decide on each: a next step with a day, or an end with a reason."
    before = next((row for row in usual if (row["waits"], row["stage"]) == (most["waits"], most["stage"])), None)
    if before is not None and before["late_rate"] is not None:
        late, rate = sure(before, "late_rate", formats.share), formats.share(before["rate"])
        told += f" Of those that were slow before, {late} still got on, of all {rate}."
    if untouched := sum(row["never_touched"] for row in stages):
        told += (
            f" Sales never touched {formats.count(untouched)} of what is stuck: first of all, these were not called."
        )
    return told


def _figures(stages: Sequence[Row], formats: Formats) -> Iterator[Figure]:
    """Leads and deals by themselves: expected values and amounts are not the same money."""
    for waits, (one, many) in _CALLED.items():
        rows = [row for row in stages if row["waits"] == waits]
        open_, listed, past = (sum(row[name] for row in rows) for name in ("open", "listed", "past_close"))
        if not open_:
            continue
        beside = [f"of {counted(open_, f'open {one}', f'open {many}', formats)}"]
        beside += [f"{formats.count(past)} past the expected close"] if waits is Waits.DEAL else []
        beside.append(_worth(rows, waits, formats))
        yield Figure(
            f"{many.capitalize()} that are stuck",
            formats.count(listed),
            " · ".join(beside),
            f"{SLOW}. {PAST_CLOSE}. {AT_STAKE}.",
            f"{counted(open_, f'open {one}', f'open {many}', formats)}.",
        )


def _worth(rows: Sequence[Row], waits: str, formats: Formats) -> str:
    """What stuck ones are worth of what all open ones are, as far as it is known."""
    unknown = sum(row["without_value"] for row in rows)
    if unknown == sum(row["open"] for row in rows):
        return "what they are worth is not known"
    value, whole = (formats.money(sum(row[name] for row in rows)) for name in ("value_listed", "value_open"))
    told = f"{value} of {whole} {'expected' if waits == Waits.LEAD else 'in amounts'}"
    return f"{told} · {formats.count(unknown)} of unknown worth" if unknown else told


def _waiting(row: Row) -> str:
    return "deals" if row["waits"] == Waits.DEAL else f"leads in {said_stage(Stage(row['stage']))}"


def _by_stage(stuck: Stuck, name: str) -> Table:
    columns = (
        Column("what", "What waits"),
        Column("open", "Open", Shown.COUNT),
        Column("listed", "Stuck", Shown.COUNT),
        Column("past_close", "Past the expected close", Shown.COUNT),
        Column("never_touched", "Never touched", Shown.COUNT),
        Column("value_listed", "At stake", Shown.MONEY),
        Column("days_median", "Days, half of them", Shown.NUMBER),
        Column("usual_days", "Usual days", Shown.NUMBER),
    )
    how = f"{SLOW}. {PAST_CLOSE}. {DAYS}. {USUAL}. {AT_STAKE}."
    told = in_words(stuck.by_stage.filter(pc.greater(stuck.by_stage["open"], 0)), {"what": _waiting})
    nobody_knows = pc.equal(told["without_value"], told["open"])
    worth = pc.if_else(nobody_knows, pa.scalar(None, pa.float64()), told["value_listed"])
    told = told.set_column(told.schema.get_field_index("value_listed"), "value_listed", worth)
    return Table(f"{name}-stuck-stages", "What waits in a stage", told, columns, how)


def _usual(stuck: Stuck, formats: Formats, name: str) -> Table:
    columns = (
        Column("what", "What waits"),
        Column("began", "Began long enough ago", Shown.COUNT),
        Column("went_well", "Went well", Shown.COUNT),
        Column("usual_said", "Usual days"),
        Column("rate", "Go well", Shown.SHARE),
        Column("slow", "Were slow", Shown.COUNT),
        Column("late_rate", "Go well once slow", Shown.SHARE, low="late_rate_low", high="late_rate_high"),
    )
    told = in_words(stuck.usual, {"what": _waiting, "usual_said": lambda row: _usual_days(row, formats)})
    how = f"{USUAL}. {RATE}. {LATE_RATE}. To go well, a lead in MQL or SAL becomes an SQL; all others are won."
    return Table(f"{name}-stuck-usual", "How long a stage usually takes", told, columns, how)


def _usual_days(row: Row, formats: Formats) -> str:
    if row["usual_days"] is None:
        return row["why_not"] or NOT_KNOWN
    told = f"{'at least ' if row['is_least'] else ''}{formats.rough(row['usual_days'])}"
    interval = range_of(row, "usual_days", formats.rough)
    return f"{told} ({interval})" if interval else told


def _listed(stuck: Stuck, name: str) -> Table:
    rows = stuck.listed
    worth = pc.coalesce(rows["amount"], rows["expected_value"])
    words = {
        "what": lambda row: said_stage(Stage(row["stage"])) if row["waits"] == Waits.LEAD else "deal",
        "past": yes_no("is_past_close"),
        "touched": yes_no("was_touched", no="never"),
    }
    columns = (
        Column("lead_id", "Lead", Shown.LEAD),
        Column("what", "In", filters=True),
        Column("worth", "Amount, or expected value", Shown.MONEY),
        Column("days", "Days", Shown.COUNT),
        Column("usual_days", "Usual days", Shown.COUNT),
        Column("past", "Past its close", filters=True, bad="yes"),
        Column("touched", "Touched by sales", filters=True, bad="never"),
        Column("owner_id", "Owner", filters=True),
    )
    told = in_words(rows.append_column("worth", worth), words)
    how = f"{SLOW}. {PAST_CLOSE}. {DAYS}. A deal has its amount, a lead its expected value."
    return Table(f"{name}-stuck", "A lead or deal that is stuck", told, columns, how, cards=True)
