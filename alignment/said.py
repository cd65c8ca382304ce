"""What sales said of deals and leads that ended: one row a deal or lead and topic, with texts that tell no person."""

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Span
from data_contracts.metrics.why import Topic
from data_contracts.privacy import masked_value
from data_contracts.vocabulary import DealOutcome, Stage

MOST_SHOWN = 12
"""Reasons of a topic that are shown, the most frequent ones: as many as a leader reads."""

LEAST_SAID = 3
"""What fewer deals or leads say word by word is no category, and may tell who they are: it is part of the rest."""

CLOSED = (DealOutcome.WON.value, DealOutcome.LOST.value)

OF_LEADS = (Topic.LOST_LEAD.value, Topic.DISQUALIFIED.value)
"""The topics that are about leads, and not about deals."""

NAMED, REST, NONE = "named", "rest", "none"


def closed_deals(history: CrmHistory, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """The deals that closed from `since` to before `until`, with what is said of them; texts are masked.

    A lost deal that gives no reason has that of its lead's last loss.
    """
    deals = history.opportunities
    deals = deals.filter(deals.outcome.isin(CLOSED), deals.closed_at >= since, deals.closed_at < until)
    losses = history.stage_changes.filter(history.stage_changes.stage == Stage.LOST.value)
    losses = losses.filter(losses.reason.notnull())
    losses = losses.group_by("lead_id").aggregate(lead_reason=losses.reason.argmax(losses.entered_at))
    joined = deals.left_join(losses, "lead_id").drop("lead_id_right")
    told = joined.select(
        "opportunity_id",
        "lead_id",
        "outcome",
        "amount",
        at="closed_at",
        loss_reason=_text(joined.loss_reason.fill_null(joined.lead_reason)),
        win_reason=_text(joined.win_reason),
        competitor=_text(joined.competitor),
        objection=_text(joined.objection),
    )
    frame: pd.DataFrame = told.order_by("opportunity_id").to_pyarrow().to_pandas()
    return frame


def undated_deals(history: CrmHistory) -> int:
    """How many closed deals nobody knows the day of."""
    deals = history.opportunities
    counted = deals.filter(deals.outcome.isin(CLOSED), deals.closed_at.isnull()).aggregate(n=ibis._.count())
    return int(counted.to_pyarrow()["n"][0].as_py())


def ended_leads(history: CrmHistory, stage: Stage, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """The leads without a deal, or all of them where `stage` is no loss, that entered it in that time.

    `lead_id`, `at` and `reason`, one row an entry, the earliest first.
    """
    changes = history.stage_changes
    entries = changes.filter(changes.stage == stage.value, changes.entered_at >= since, changes.entered_at < until)
    if stage is Stage.LOST:
        entries = entries.anti_join(history.opportunities, "lead_id")
    told = entries.select("lead_id", at="entered_at", reason=_text(entries.reason))
    frame: pd.DataFrame = told.order_by("at", "lead_id").to_pyarrow().to_pandas()
    return frame


def said_of_all(history: CrmHistory, milestones: Milestones, spans: Sequence[Span]) -> pd.DataFrame:
    """One row a topic and deal, or lead and period, that ended in one of `spans`, which follow each other.

    | column | holds |
    |---|---|
    | `topic`, `period`, `group` | the last is the jackknife group of the lead's account |
    | `reason` | missing where none is said; texts that differ in case and spaces alone are one |
    | `is_won`, `amount` | of deals |
    | `kind` | `named`, `rest` (too rare to be shown) or `none` |
    | `place` | of the reason in its topic, from 0: the most frequent first, then the rest, then none |
    """
    since, until = spans[0].start_at, spans[-1].end_at
    deals = closed_deals(history, since=since, until=until)
    told = deals.assign(is_won=deals["outcome"] == DealOutcome.WON.value)
    won, lost = told[told["is_won"]], told[~told["is_won"]]
    parts = [
        won.assign(topic=Topic.WON_DEAL, reason=won["win_reason"]),
        lost.assign(topic=Topic.LOST_DEAL, reason=lost["loss_reason"]),
        told.assign(topic=Topic.OBJECTION, reason=told["objection"]),
        told.assign(topic=Topic.COMPETITOR, reason=told["competitor"]),
    ]
    for topic, stage in ((Topic.LOST_LEAD, Stage.LOST), (Topic.DISQUALIFIED, Stage.DISQUALIFIED)):
        leads = ended_leads(history, stage, since=since, until=until)
        parts.append(leads.assign(topic=topic, is_won=False, amount=float("nan")))
    rows = pd.concat([part[["topic", "lead_id", "at", "reason", "is_won", "amount"]] for part in parts])
    rows = rows.assign(period=spans[0].period.starts(rows["at"], time_zone=milestones.time_zone))
    again = rows["topic"].isin(OF_LEADS) & rows.duplicated(["topic", "lead_id", "period"], keep="last")
    rows = rows[~again].reset_index(drop=True)
    groups = pd.Series(milestones.groups, index=milestones.frame["lead_id"])
    rows = rows.assign(
        topic=rows["topic"].astype(str),
        reason=one_spelling(rows["topic"], rows["reason"]),
        group=rows["lead_id"].map(groups).astype("int64"),
    )
    return _placed(rows)


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with `kind` and `place`: in each topic the most frequent reasons are named, if enough leads say them."""
    said = rows.dropna(subset=["reason"]).groupby(["topic", "reason"])["lead_id"].agg(["size", "nunique"]).reset_index()
    said = said[said["nunique"] >= LEAST_SAID].sort_values(["size", "reason"], ascending=[False, True])
    place = said.groupby("topic").cumcount()
    named = said.assign(place=place)[place < MOST_SHOWN][["topic", "reason", "place"]]
    found = rows.merge(named, on=["topic", "reason"], how="left")
    kind = np.where(found["place"].notna(), NAMED, np.where(found["reason"].notna(), REST, NONE))
    behind = found["place"].fillna(MOST_SHOWN + 1).where(kind != REST, MOST_SHOWN).astype("int64")
    return found.assign(kind=kind, place=behind, reason=found["reason"].where(kind == NAMED))


def one_spelling(topics: pd.Series, texts: pd.Series) -> pd.Series:
    """Each text in the most frequent of the spellings that differ in case alone; of several, the first by alphabet."""
    texts = texts.astype("str")
    told = pd.DataFrame({"topic": topics, "text": texts, "key": texts.str.casefold()}).dropna(subset=["text"])
    counted = told.value_counts().reset_index(name="n").sort_values(["n", "text"], ascending=[False, True])
    spelling = counted.drop_duplicates(["topic", "key"])[["topic", "key", "text"]]
    keyed = pd.DataFrame({"topic": topics, "key": texts.str.casefold()}).merge(
        spelling, on=["topic", "key"], how="left"
    )
    return keyed["text"].set_axis(texts.index)


def _text(value: ir.StringValue) -> ir.StringValue:
    """`value` with its spaces tidied, missing where it is empty, and masked where it would tell a person."""
    return masked_value(value.re_replace(r"\s+", " ").strip().nullif(""))
