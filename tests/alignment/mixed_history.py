"""A history with something of everything: sources, skipped stages, recycles, deals of every kind, touches, spend."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np

SOURCES = ("search", "fair", "talk", "Outbound", None)
PATHS = (
    (),
    ("mql",),
    ("mql", "disqualified"),
    ("mql", "nurture", "mql", "sal", "sql"),
    ("mql", "sal", "sql", "opportunity", "won"),
    ("sql", "opportunity", "lost"),
    ("mql", "sql", "mql", "sql", "won"),
)
OUTCOMES = ("open", "won", "lost")
START = dt.datetime(2026, 1, 1)


def mixed_tables(seed: int, *, n_leads: int = 60) -> Mapping[str, list[dict[str, Any]]]:
    """Rows by table of `n_leads` leads of about half as many accounts, from the first four months of 2026."""
    draw = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {
        "accounts": [
            {
                "account_id": f"A{number}",
                "industry": str(draw.choice(["software", "mining"])),
                "employees": float(draw.choice([10, 100])) if number % 4 else None,
                "region": str(draw.choice(["north", "south"])),
            }
            for number in range(n_leads // 2)
        ],
        "spend": [
            {
                "period_start_at": dt.datetime(2026, month, 1),
                "source": source,
                "campaign": None,
                "amount": 100.0 * month,
            }
            for month in range(1, 13)
            for source in ("search", "fair", "radio")
        ],
    }
    for name in ("leads", "stage_changes", "opportunities", "activities", "unsettled"):
        tables[name] = []
    for number in range(n_leads):
        _add_lead(tables, draw, number, accounts=n_leads // 2)
    return tables


def _add_lead(
    tables: dict[str, list[dict[str, Any]]], draw: np.random.Generator, number: int, *, accounts: int
) -> None:
    lead_id = f"L{number}"
    at = START + dt.timedelta(days=float(draw.uniform(0, 120)))
    source = SOURCES[draw.integers(len(SOURCES))]
    tables["leads"].append(
        {
            "lead_id": lead_id,
            "account_id": f"A{draw.integers(accounts)}" if number % 7 else None,
            "created_at": at,
            "source": source,
            "campaign": f"{source} 1" if source and number % 3 else None,
            "role": str(draw.choice(["Finance", "IT"])),
        }
    )
    for nth in range(int(draw.integers(3))):
        then = at + dt.timedelta(days=float(draw.uniform(0, 20)))
        touched = SOURCES[draw.integers(len(SOURCES))]
        activity = {"activity_id": f"{lead_id}-{nth}", "lead_id": lead_id, "kind": "page_view", "direction": "inbound"}
        tables["activities"].append(activity | {"occurred_at": then, "recorded_at": then, "source": touched})
    moment = at
    for stage in PATHS[draw.integers(len(PATHS))]:
        moment += dt.timedelta(days=float(draw.uniform(1, 25)))
        change = {"lead_id": lead_id, "stage": stage, "entered_at": moment, "recorded_at": moment}
        tables["stage_changes"].append(change)
    if number % 3 == 0:
        created = at + dt.timedelta(days=float(draw.uniform(5, 30)))
        outcome = OUTCOMES[draw.integers(3)]
        closed = None if outcome == "open" else created + dt.timedelta(days=float(draw.uniform(1, 60)))
        deal = {"opportunity_id": f"O{number}", "lead_id": lead_id, "created_at": created, "closed_at": closed}
        amount = float(draw.integers(100, 1000)) if number % 9 else None
        tables["opportunities"].append(deal | {"outcome": outcome, "amount": amount})
    if number % 20 == 0:
        unsettled = {"lead_id": lead_id, "stage": "lost", "reason": "stage_refused", "is_ending": True}
        tables["unsettled"].append(unsettled)
