"""Which source or campaign the revenue is laid to: by the first touch, the last one, or all in equal parts."""

from collections.abc import Collection, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from alignment.grouped import NOT_KNOWN, grouped_deals, in_name_order, in_order, span_numbers, table_of
from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.attribution import ATTRIBUTION_SCHEMA, Attribution
from data_contracts.metrics.periods import Span
from data_contracts.metrics.sources import NO_DEALS
from data_contracts.today import CAMPAIGN, SOURCE
from data_contracts.vocabulary import DealOutcome, Direction
from features.deeds import as_done

RULES = ("first_touch", "last_touch", "linear")


def attribution(
    history: CrmHistory, milestones: Milestones, spans: Collection[Span], *, by: str = SOURCE
) -> Attribution:
    """The revenue of each of `spans`, laid to sources or campaigns by three rules.

    | rule | a won deal's amount goes to |
    |---|---|
    | first touch | the source of its lead |
    | last touch | that of the last touch before the deal was created |
    | linear | those of all touches before, in equal parts |

    A touch is an inbound activity of the deal's lead that names its source. It happened no later than the deal was
    created, and was recorded before the deal was won. A deal without one counts under nothing known: its first touch is
    not put in its place. Touches are joined with won deals in the engine; one row a deal and source comes to memory.

    Parameters
    ----------
    milestones, spans
        As in `alignment.sources.sources`, which raises the same errors.
    by
        `source` or `campaign`: touches name nothing else.
    """
    if by not in (SOURCE, CAMPAIGN):
        raise KeyError(f"revenue is laid to {SOURCE} or {CAMPAIGN}, not to {by!r}")
    spans = in_order(spans)
    won = _won_deals(history, milestones, spans, by=by)
    why_no_deals = NO_DEALS if "opportunities" in history.absent else ""
    why_not = why_no_deals or _why_no_touches(history, by)
    parts = {} if why_no_deals else {"first_touch": won.assign(part=1.0)}
    touched = 0
    if not why_not:
        touches = _touches(history, milestones, by).order_by("opportunity_id", "touched").to_pyarrow().to_pandas()
        found = won.drop(columns="group").merge(touches.rename(columns={"touched": "group"}), how="left")
        touched = found.loc[found["group"].notna(), "opportunity_id"].nunique()
        found = found.assign(group=found["group"].astype(object).fillna(NOT_KNOWN))
        parts |= {"last_touch": found.assign(part=found["last_part"].fillna(1.0))}
        parts |= {"linear": found.assign(part=found["linear_part"].fillna(1.0))}
    return Attribution(
        rows=table_of(_laid(parts), spans, ATTRIBUTION_SCHEMA),
        totals=table_of(_all_together(parts, len(spans)), spans, ATTRIBUTION_SCHEMA),
        spans=spans,
        n_won=len(won),
        n_touched=int(touched),
        why_no_deals=why_no_deals,
        why_first_touch_only=why_not,
        as_of=milestones.as_of,
        by=by,
        currency=milestones.settings.crm.currency,
        definitions_version=milestones.definitions_version,
    )


def _won_deals(history: CrmHistory, milestones: Milestones, spans: Sequence[Span], *, by: str) -> pd.DataFrame:
    """The deals won in the spans: `opportunity_id`, `group` of the lead, `span` and `amount` (0 where unknown)."""
    deals = grouped_deals(history, milestones, by)
    deals = deals.assign(span=span_numbers(deals["closed_at"], spans), amount=deals["amount"].fillna(0))
    rows = deals["is_won"] & (deals["span"] >= 0)
    return deals.loc[rows, ["opportunity_id", "group", "span", "amount"]].reset_index(drop=True)


def _why_no_touches(history: CrmHistory, by: str) -> str:
    # A history that was checked before activities had these columns lacks them.
    if by not in history.activities.columns or not _says_any(history.activities, by):
        return f"no activity says its {by}: a touch after the first is not known"
    return ""


def _says_any(activities: ir.Table, by: str) -> bool:
    return bool(activities.filter(activities[by].notnull()).limit(1).count().to_pyarrow().as_py())


def _touches(history: CrmHistory, milestones: Milestones, by: str) -> ir.Table:
    """By won deal and group `touched`: `linear_part`, its part of all touches, and `last_part`, 1 for the last one."""
    deals = history.opportunities
    won = deals.filter(deals.outcome == DealOutcome.WON.value)
    # Of a win that only its lead dates, touches count as far as they were known when the deal was created.
    known_by = ibis.coalesce(won.closed_at, won.created_at)
    won = won.select("opportunity_id", known_by=known_by, deal_of="lead_id", deal_at="created_at")
    deeds = as_done(history.activities, milestones.settings.crm.kinds)
    deeds = deeds.filter(deeds[by].notnull(), deeds.direction == Direction.INBOUND.value)
    deeds = deeds.select("lead_id", "activity_id", "occurred_at", "recorded_at", touched=deeds[by])
    pairs = won.join(deeds, won.deal_of == deeds.lead_id)
    pairs = pairs.filter(pairs.occurred_at <= pairs.deal_at, pairs.recorded_at < pairs.known_by)
    latest = ibis.row_number().over(
        group_by="opportunity_id", order_by=[ibis.desc("occurred_at"), ibis.desc("activity_id")]
    )
    placed = pairs.mutate(place=latest, n=pairs.count().over(group_by="opportunity_id"))
    return placed.group_by("opportunity_id", "touched").aggregate(
        last_part=(placed.place.min() == 0).ifelse(1.0, 0.0),
        linear_part=placed.count() / placed.n.max(),
    )


def _laid(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What each rule lays to each span and group; a rule that is not among `parts` says nothing."""
    sums = {
        rule: (deals["amount"] * deals["part"]).groupby([deals["span"], deals["group"]]).sum()
        for rule, deals in parts.items()
    }
    nothing = pd.MultiIndex.from_arrays([[], []], names=["span", "group"])
    told = pd.DataFrame(sums, index=None if sums else nothing).fillna(0.0).rename_axis(["span", "group"])
    return in_name_order(told.reindex(columns=RULES).astype("float64"))


def _all_together(parts: Mapping[str, pd.DataFrame], n_spans: int) -> pd.DataFrame:
    """The same of every span, whatever the group."""
    told = _laid({rule: deals.assign(group=NOT_KNOWN) for rule, deals in parts.items()})
    every = pd.MultiIndex.from_product([range(n_spans), [NOT_KNOWN]], names=["span", "group"])
    return told.reindex(every).fillna(dict.fromkeys(parts, 0.0))
