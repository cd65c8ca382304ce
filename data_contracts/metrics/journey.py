"""The journey: on which paths of touches leads get on, where they stop, and how far they go before sales is there."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.funnel import Milestone

PATH = Formula(
    name="path",
    says="a lead's first touches in order, where the same kind several times in a row is one step; mailings "
    "and our own assessments are no touches; steps after the milestone are not on the way to it",
)
PATH_RATE = Formula(
    name="rate of a path",
    says="of the leads whose first steps were these, the share that reaches the milestone within the horizon "
    "of the last of these steps: cumulative incidence (Aalen-Johansen), where lost and disqualified "
    "compete and open ones count for as long as they were watched",
)
LIFT = Formula(
    name="lift",
    says="rate of the path divided by the rate of all leads that took as many steps; above 1, leads on this "
    "path get there more often than others, which does not say that the path is why",
)
SHRUNKEN_LIFT = Formula(
    name="lift without chance",
    says="lift with the rates of the paths of one length drawn towards their mean by as much as chance "
    "explains their differences: paths are ranked by it",
)
TOUCH_SHARE = Formula(
    name="share of first and last touches",
    says="of the MQLs, the share whose first touch of all, if it came before MQL, or last touch before MQL was "
    "of this kind",
)
STOPPED = Formula(
    name="share that stops",
    says="of the leads that got to a step or stage, the share that then gets no further, is neither lost nor "
    "disqualified and has no touch for so many days: cumulative incidence (Aalen-Johansen) of falling "
    "silent within the horizon and these days, where getting further and ending compete",
)
WAY_SHARE = Formula(
    name="share of the way before sales",
    says="days from the first touch to sales' first contact divided by days from the first touch to the "
    "milestone, of the leads that reached it: median and quartiles over the leads",
)
TOUCHES_BEFORE = Formula(
    name="touches before sales",
    says="touches before sales' first contact, of the leads that reached the milestone: median and quartiles "
    "over the leads",
)
FORMULAS = (PATH, PATH_RATE, LIFT, SHRUNKEN_LIFT, TOUCH_SHARE, STOPPED, WAY_SHARE, TOUCHES_BEFORE)


PATHS_SCHEMA = pa.schema(
    [
        pa.field("path", pa.list_(pa.string()), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("n_steps", "leads", "reached", "all_leads")),
        *estimate_fields("rate"),
        pa.field("all_rate", pa.float64()),
        *estimate_fields("lift"),
        pa.field("shrunken_lift", pa.float64()),
    ]
)
"""One path that enough leads took, the shortest first, of these the one that most leads took to the milestone.

| column | holds |
|---|---|
| `path` | the kinds of its steps, in order: `PATH` |
| `n_steps` | how many they are. A lead is in one path of each length that it got to |
| `leads` | that took it, settled ones alone |
| `reached` | of these, those that have reached the milestone by now |
| `all_leads` | leads that took as many steps, on whatever path |
| `rate` | `PATH_RATE`, with its interval; missing where nobody was watched for so long |
| `all_rate` | the same of `all_leads` |
| `lift` | `LIFT`, with its interval |
| `shrunken_lift` | `SHRUNKEN_LIFT` |
"""

TOUCHES_SCHEMA = pa.schema(
    [
        pa.field("position", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("leads", pa.int64(), nullable=False),
        *estimate_fields("share", "rate"),
    ]
)
"""One kind as the first touch of MQLs, or as the last before MQL; of each position the most frequent first.

| column | holds |
|---|---|
| `position` | `first` or `last` |
| `kind` | missing: no touch came before MQL |
| `leads` | MQLs; those of one position are all MQLs |
| `share` | `TOUCH_SHARE` |
| `rate` | of them, the share that takes the next transition within its horizon, as in the cohort funnel |
"""

DROPS_SCHEMA = pa.schema(
    [
        pa.field("along", pa.string(), nullable=False),
        pa.field("place", pa.string(), nullable=False),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("entered", "went_on", "ended", "stopped", "active", "unsettled")
        ),
        *estimate_fields("stopped_share"),
    ]
)
"""One step of the way or one stage, and what became of those that got there.

| column | holds |
|---|---|
| `along` | `steps` or `stages` |
| `place` | the number of the step, or the milestone |
| `entered` | leads, each once: `went_on + ended + stopped + active + unsettled` |
| `went_on` | took another step, or got further in the funnel |
| `ended` | stand in lost or disqualified since |
| `stopped` | neither, and had no touch for `silent_days` by now; nurtured ones too |
| `active` | neither, and the last touch is not so long ago |
| `stopped_share` | `STOPPED`, with its interval |
"""

BEFORE_SALES_SCHEMA = pa.schema(
    [
        pa.field("persona", pa.string()),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("leads", pa.int64(), nullable=False),
        pa.field("unknown", pa.int64(), nullable=False),
        *estimate_fields("lower_quartile", "median", "upper_quartile"),
    ]
)
"""How far leads of one persona that reached the milestone had come when sales first contacted them.

| column | holds |
|---|---|
| `persona` | missing: all leads, of whatever persona |
| `measure` | `way_share` (`WAY_SHARE`) or `touches` (`TOUCHES_BEFORE`) |
| `leads` | of which it is known |
| `unknown` | reached the milestone without a touch before it that is known, or without a contact |
| `median` | over the leads, with its interval; the quartiles likewise |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    """On which ways leads reach a milestone, and where they leave them. Nothing in it says that a touch was the cause.

    Attributes
    ----------
    paths
        Of `PATHS_SCHEMA`.
    first_and_last
        Of `TOUCHES_SCHEMA`.
    drops
        Of `DROPS_SCHEMA`.
    before_sales
        Of `BEFORE_SALES_SCHEMA`, all leads first.
    to
        The milestone that the ways lead to.
    leads, without_touch
        All leads, and those of which no touch is known before the milestone.
    least_leads
        Paths of fewer leads are left out.
    silent_days
        After so many days without a touch a lead has stopped.
    horizon_days
        Within which a path leads to the milestone.
    why_not
        Why there are no paths and no figures before sales; empty where there are, or may be.
    as_of
        What is known at this moment (UTC, naive).
    definitions_version
        Under which the words were translated and the horizons agreed.
    """

    paths: pa.Table
    first_and_last: pa.Table
    drops: pa.Table
    before_sales: pa.Table
    to: Milestone
    leads: int
    without_touch: int
    least_leads: int
    silent_days: int
    horizon_days: int
    why_not: str
    as_of: dt.datetime
    definitions_version: str
