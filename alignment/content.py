"""Resources beside the leads and reasons that they are for: what there is to use, what is stale, what is lacking."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa

from alignment.milestones import Milestones
from data_contracts.metrics.content import ANSWERS_SCHEMA, CELLS_SCHEMA, RESOURCES_SCHEMA, Content, Cover
from data_contracts.metrics.why import Topic, Why
from data_contracts.resources import Resource, Resources
from data_contracts.today import PERSONA
from data_contracts.vocabulary import Stage

ENDED = (Stage.WON, Stage.LOST, Stage.DISQUALIFIED)
"""Nothing is given to read to these. A nurtured lead is who most of it is for."""

NOT_SAID_WHERE = "the settings name no file of resources: [pages] resources"


def content_of(milestones: Milestones, why: Why, resources: Resources | None) -> Content:
    """What there is to use for each stage and persona of the leads that are open, and for each reason that is shown.

    Parameters
    ----------
    why
        Of the same moment: its reasons are looked at, all periods together.
    resources
        None where the settings name no file of them: then nothing is covered, and `why_not` says so.
    """
    on, given = milestones.as_of.date(), () if resources is None else resources.resources
    answers = _answers(why, given, on)
    cells = _cells(milestones, given, on)
    return Content(
        answers=pa.Table.from_pylist(answers, schema=ANSWERS_SCHEMA),
        cells=pa.Table.from_pylist(cells, schema=CELLS_SCHEMA),
        resources=pa.Table.from_pylist([_told(one, answers, cells, on) for one in given], schema=RESOURCES_SCHEMA),
        n_said=sum(row["n"] for row in answers),
        n_answered=sum(row["n"] for row in answers if row["cover"] == Cover.CURRENT),
        n_leads=sum(row["leads"] for row in cells),
        n_covered=sum(row["leads"] for row in cells if row["cover"] == Cover.CURRENT),
        why_not=NOT_SAID_WHERE if resources is None else "" if given else "the file of resources holds none",
        as_of=milestones.as_of,
    )


def resources_for(stage: Stage, persona: str | None, given: Iterable[Resource], *, on: dt.date) -> tuple[Resource, ...]:
    """Those of `given` for a lead in `stage` and of `persona`.

    Those for the persona come first, of these the ones that are not stale on that day, then the newest.
    """
    found = (one for one in given if one.is_for(stage, persona))
    return tuple(sorted(found, key=lambda one: (not one.personas, *_freshness(one, on))))


def answers_to(reason: str, given: Iterable[Resource], *, on: dt.date) -> tuple[Resource, ...]:
    """Those of `given` that answer `reason`: the ones that are not stale on that day first, then the newest."""
    return tuple(sorted((one for one in given if one.is_answer_to(reason)), key=lambda one: _freshness(one, on)))


def _freshness(one: Resource, on: dt.date) -> tuple[bool, int, str]:
    return one.is_stale(on), -one.updated.toordinal(), one.title


def _answers(why: Why, given: Iterable[Resource], on: dt.date) -> list[dict[str, Any]]:
    """Each reason that is shown, of whatever is not a win, with the resources that answer it."""
    told = why.reasons.to_pandas()
    told = told[told["reason"].notna() & (told["topic"] != Topic.WON_DEAL)]
    summed = told.groupby(["topic", "reason"], as_index=False).agg(
        n=("n", "sum"), amount=("amount", lambda amounts: amounts.sum(min_count=1))
    )
    rows = [
        row | {"amount": None if pd.isna(row["amount"]) else row["amount"]} | _covered(found, on)
        for row in summed.to_dict("records")
        for found in [answers_to(row["reason"], given, on=on)]
    ]
    return sorted(rows, key=lambda row: (*_gaps_first(row, row["n"]), row["topic"], row["reason"]))


def _cells(milestones: Milestones, given: Iterable[Resource], on: dt.date) -> list[dict[str, Any]]:
    """Each stage and persona that leads are in which have not ended, with the resources for them."""
    frame = milestones.frame
    leads = pd.DataFrame(
        {
            "stage": frame["stands"].astype(object).fillna(Stage.LEAD.value),
            "persona": frame[PERSONA].astype(object).fillna(""),
        }
    )
    counted = leads[~leads["stage"].isin(ENDED) & ~frame["is_unsettled"]].value_counts().reset_index(name="leads")
    rows = [
        cell
        | {"persona": cell["persona"] or None}
        | _covered(resources_for(Stage(cell["stage"]), cell["persona"] or None, given, on=on), on)
        for cell in counted.to_dict("records")
    ]
    return sorted(rows, key=lambda row: (*_gaps_first(row, row["leads"]), row["stage"], row["persona"] or ""))


def _covered(found: tuple[Resource, ...], on: dt.date) -> dict[str, Any]:
    cover = Cover.NOTHING if not found else Cover.STALE if all(one.is_stale(on) for one in found) else Cover.CURRENT
    return {"resources": [one.title for one in found], "cover": cover}


def _gaps_first(row: dict[str, Any], n: int) -> tuple[int, int]:
    return -list(Cover).index(row["cover"]), -n


def _told(one: Resource, answers: list[dict[str, Any]], cells: list[dict[str, Any]], on: dt.date) -> dict[str, Any]:
    """One resource, with how many leads it is for, and what of its answers was asked."""
    heard = [row for row in answers if one.title in row["resources"]]
    return {
        "title": one.title,
        "kind": one.kind,
        "url": one.url,
        "owner": one.owner,
        "updated": one.updated,
        "days_since_update": (on - one.updated).days,
        "is_stale": one.is_stale(on),
        "leads": sum(row["leads"] for row in cells if one.title in row["resources"]),
        "n_answered": sum(row["n"] for row in heard),
        "unheard": [said for said in one.answers if not any(_is_same(said, row["reason"]) for row in heard)],
    }


def _is_same(said: str, reason: str) -> bool:
    return " ".join(said.split()).casefold() == reason.casefold()
