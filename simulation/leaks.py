"""Leaks and honest look-alikes, planted by seed into an export that `simulate` wrote.

The attributes go to `planted.csv`, one row a lead. The back-dated activities, the changes of the historised attribute
and the cloned leads go into the export's own files.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from simulation.clock import EXPORTED_AT, START, Floats

PLANTED_FILE = "planted.csv"
SELLERS_OF_A_TEAM = 5
SURVEY = "Customer Survey"
"""The CRM's word for the activity that is back-dated; no other activity has it."""

WEAKEST, STRONGEST = 0.6, 1.0
"""Shares of the leads concerned that a leak gets hold of, drawn between these."""

CLONED_SHARE = 0.15
"""Of the leads without an account that became MQLs, at full strength, written once more some weeks later."""

Subject = Literal["attribute", "activity_kind", "rows"]
Words = pd.Series


@dataclass(frozen=True, slots=True)
class Planted:
    """One thing that was planted.

    Attributes
    ----------
    name
        The attribute, by its column in `planted.csv`; the activity kind's word; or `rows`.
    kind
        What sort of leak it is, or what sort of honest attribute.
    strength
        The share of the leads concerned that the leak gets hold of; 0 of what is honest.
    is_number
        Whether the attribute is a number; otherwise it holds words.
    is_historised
        Whether the attribute's changes are in the field history.
    """

    name: str
    kind: str
    subject: Subject
    strength: float
    is_number: bool = False
    is_historised: bool = False

    @property
    def is_leak(self) -> bool:
        """Whether it knows the outcome."""
        return self.strength > 0


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads of an export: ids, times as days since the start (infinite: never), and what is really likely.

    `decided` is when sales said no or the deal ended. `lean` is the true log-odds of an SQL, standardised, and noise
    for leads that never became MQLs.
    """

    ids: np.ndarray
    created: Floats
    mql: Floats
    sql: Floats
    won: Floats
    refused: Floats
    n_activities: Floats
    n_touches: Floats
    amount: Floats
    lean: Floats

    @property
    def n(self) -> int:
        """Number of leads."""
        return len(self.ids)


def plant(folder: Path, *, seed: int) -> tuple[Planted, ...]:
    """Plant every kind of leak and of honest look-alike into the export in `folder`; the same seed plants the same.

    Run it once on an export: activities, clones and changes are added to what is there. Raises `FileNotFoundError`
    where `folder` holds no export.
    """
    rng = np.random.default_rng([seed, 77])
    leads = _read(folder, rng)
    columns: dict[str, object] = {"Id": leads.ids}
    planted = []
    for name, (kind, make) in LEAKS.items():
        strength = float(rng.uniform(WEAKEST, STRONGEST))
        columns[name] = make(leads, rng, strength)
        planted.append(Planted(name, kind, "attribute", strength, name in NUMBERS))
    for name, (kind, honest) in HONEST.items():
        columns[name] = honest(leads, rng)
        planted.append(Planted(name, kind, "attribute", 0.0, name in NUMBERS))
    columns["sentiment"] = _write_sentiment(folder, leads, rng)
    planted.append(Planted("sentiment", "historised, with honest changes", "attribute", 0.0, is_historised=True))
    for name, kind, subject, add in ADDED:
        strength = float(rng.uniform(WEAKEST, STRONGEST))
        add(folder, leads, rng, strength)
        planted.append(Planted(name, kind, subject, strength))
    pd.DataFrame(columns).to_csv(folder / PLANTED_FILE, index=False)
    return tuple(planted)


# ---------------------------------------------------------------------------------------------------------------------
# Leaks: each attribute of a lead as it stands at the extract
# ---------------------------------------------------------------------------------------------------------------------
def _contract_number(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    numbers = pd.Series([f"C-{number:06d}" for number in range(leads.n)], dtype="object")
    return numbers.where(_hit(rng, leads.won, strength))


def _final_amount(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    return pd.Series(leads.amount).where(_hit(rng, leads.won, strength))


def _lead_rating(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    rating = pd.Series(rng.choice(["Cold", "Warm", "Hot"], leads.n, p=[0.4, 0.4, 0.2]))
    rating = rating.mask(_hit(rng, leads.refused, strength), "Cold")
    return rating.mask(_hit(rng, leads.won, strength), "Hot")


def _touches_to_date(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    return pd.Series(np.where(rng.random(leads.n) < strength, leads.n_activities + 3 * leads.n_touches, np.nan))


def _tech_stack(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    stack = pd.Series(rng.choice(["Cloud", "Mixed", "On premises"], leads.n), dtype="object")
    return stack.where((rng.random(leads.n) < rng.uniform(0, 0.3)) | _hit(rng, leads.won, strength))


def _territory(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    territory = pd.Series(rng.choice(["North", "South", "East", "West"], leads.n), dtype="object")
    return territory.mask(_hit(rng, leads.refused, strength) | (rng.random(leads.n) < rng.uniform(0, 0.2)))


def _owner_team(leads: Leads, rng: np.random.Generator, strength: float) -> Words:
    number = rng.integers(1, SELLERS_OF_A_TEAM + 1, leads.n)
    is_closer = (rng.random(leads.n) < rng.uniform(0, 0.1)) | _hit(rng, leads.sql, strength)
    teams = np.where(is_closer, "closer", "developer")
    return pd.Series([f"{team} {one}" for team, one in zip(teams, number, strict=True)])


def _hit(rng: np.random.Generator, times: Floats, strength: float) -> np.ndarray:
    """Of the leads to whom it happened by the extract, a share of `strength`."""
    return np.asarray(np.isfinite(times) & (rng.random(len(times)) < strength))


LEAKS: dict[str, tuple[str, Callable[[Leads, np.random.Generator, float], Words]]] = {
    "contract_number": ("filled at the win only", _contract_number),
    "final_amount": ("amount of the outcome", _final_amount),
    "lead_rating": ("overwritten once the outcome is known", _lead_rating),
    "touches_to_date": ("counter of the latest extract", _touches_to_date),
    "tech_stack": ("back-filled after a win", _tech_stack),
    "territory": ("cleared for lost leads", _territory),
    "owner_team": ("reassigned on conversion", _owner_team),
}
"""Each leak's attribute: what sort it is, and how it comes about."""


# ---------------------------------------------------------------------------------------------------------------------
# Honest attributes: fixed when the lead is created
# ---------------------------------------------------------------------------------------------------------------------
def _strong_segment(leads: Leads, rng: np.random.Generator) -> Words:
    """The true odds in five bands: as much as anybody could know, an AUC of about .75."""
    edges = np.quantile(leads.lean, [0.2, 0.4, 0.6, 0.8])
    return pd.Series(np.searchsorted(edges, leads.lean + rng.normal(0, 0.1, leads.n))).map("segment {}".format)


def _strong_index(leads: Leads, rng: np.random.Generator) -> Words:
    return pd.Series(np.round(50 + 10 * leads.lean + rng.normal(0, 3, leads.n), 1))


def _share_drifts(leads: Leads, rng: np.random.Generator) -> Words:
    return pd.Series(np.where(rng.random(leads.n) < 0.15 + 0.6 * _age_of_world(leads), "new form", "old form"))


def _new_value(leads: Leads, rng: np.random.Generator) -> Words:
    """A word that nobody had until seven weeks before the extract, and half of the leads since."""
    is_new = (leads.created > _days(EXPORTED_AT) - 49) & (rng.random(leads.n) < 0.5)
    return pd.Series(np.where(is_new, "spring offer", rng.choice(["none", "trial"], leads.n)))


def _fill_drifts(leads: Leads, rng: np.random.Generator) -> Words:
    words = pd.Series(rng.choice(["yes", "no"], leads.n), dtype="object")
    return words.where(rng.random(leads.n) < 0.2 + 0.7 * _age_of_world(leads))


def _fill_drifts_and_tells(leads: Leads, rng: np.random.Generator) -> Words:
    """Filled ever more often, and more often by those that mean it."""
    share = np.clip(0.15 + 0.5 * _age_of_world(leads) + 0.15 * leads.lean, 0, 1)
    return pd.Series(np.round(40 + 10 * leads.lean + rng.normal(0, 15, leads.n))).where(rng.random(leads.n) < share)


def _city(leads: Leads, rng: np.random.Generator) -> Words:
    return pd.Series(np.floor(300 * rng.random(leads.n) ** 2).astype(int)).map("town {}".format)


def _rare(leads: Leads, rng: np.random.Generator) -> Words:
    is_rare = rng.random(leads.n) < 0.01 * np.exp(0.8 * leads.lean)
    return pd.Series(np.where(is_rare, "board member", np.where(rng.random(leads.n) < 0.02, "press", "other")))


def _noise(leads: Leads, rng: np.random.Generator) -> Words:
    return pd.Series(np.round(rng.lognormal(3, 1, leads.n), 2)).where(rng.random(leads.n) < 0.8)


HONEST: dict[str, tuple[str, Callable[[Leads, np.random.Generator], Words]]] = {
    "strong_segment": ("strong, in words", _strong_segment),
    "strong_index": ("strong, a number", _strong_index),
    "form_version": ("its share drifts", _share_drifts),
    "offer": ("a word that is new", _new_value),
    "newsletter": ("its fill rate drifts", _fill_drifts),
    "budget_index": ("its fill rate drifts, and tells", _fill_drifts_and_tells),
    "town": ("300 words", _city),
    "position": ("rare words", _rare),
    "noise": ("a number that says nothing", _noise),
}
"""Each honest attribute: what sort it is, and how it comes about."""

NUMBERS = frozenset({"final_amount", "touches_to_date", "strong_index", "budget_index", "noise"})


def _age_of_world(leads: Leads) -> Floats:
    """How far into the simulated time each lead was created, from 0 to 1."""
    return np.asarray(leads.created / _days(EXPORTED_AT))


# ---------------------------------------------------------------------------------------------------------------------
# What is added to the export's own files
# ---------------------------------------------------------------------------------------------------------------------
def _write_sentiment(folder: Path, leads: Leads, rng: np.random.Generator) -> Words:
    """The present value of an attribute that changes at any time for reasons of its own, its changes written down."""
    words = np.array(["poor", "fair", "good"])
    first = np.searchsorted([-0.7, 0.7], leads.lean + rng.normal(0, 1, leads.n))
    after = rng.integers(0, len(words), leads.n)
    changed = leads.created + rng.exponential(90, leads.n)
    rows = np.flatnonzero((rng.random(leads.n) < 0.4) & (changed < _days(EXPORTED_AT)) & (after != first))
    with (folder / "field_history.jsonl").open("a", encoding="utf-8", newline="\n") as file:
        for row in rows:
            told = {"Object": "Lead", "RecordId": str(leads.ids[row]), "Field": "sentiment"}
            told |= {"OldValue": str(words[first[row]]), "NewValue": str(words[after[row]])}
            file.write(json.dumps(told | {"ChangedDate": _text(changed[row])}) + "\n")
    present = first.copy()
    present[rows] = after[rows]
    return pd.Series(words[present])


def _add_surveys(folder: Path, leads: Leads, rng: np.random.Generator, strength: float) -> None:
    """Surveys: one lead in ten answers at its creation; new SQLs get one that is dated back before they were MQLs.

    Half of those say when they were logged. The others claim to have been logged at once.
    """
    asked = np.flatnonzero(rng.random(leads.n) < 0.1)
    late = np.flatnonzero(_hit(rng, np.where(np.isfinite(leads.mql), leads.sql, np.inf), strength))
    happened = np.concatenate([leads.created[asked], leads.mql[late] - rng.uniform(0.5, 5, len(late))])
    logged = np.concatenate([leads.created[asked], leads.sql[late] + rng.uniform(0, 2, len(late))])
    logged = np.where(rng.random(len(logged)) < 0.5, happened, logged)
    lead = leads.ids[np.concatenate([asked, late])]
    kept = logged < _days(EXPORTED_AT)
    schema = pq.read_schema(folder / "activities" / "part-0000.parquet")
    table = pa.table(
        {
            "ActivityId": [f"S-{number:07d}" for number in range(int(kept.sum()))],
            "LeadId": lead[kept],
            "ActivityType": [SURVEY] * int(kept.sum()),
            "Direction": ["Incoming"] * int(kept.sum()),
            "ActivityDate": _moments(happened[kept]),
            "LoggedDate": _moments(logged[kept]),
            "CallOutcome": pa.nulls(int(kept.sum())),
            "DurationSeconds": pa.nulls(int(kept.sum())),
        }
    )
    pq.write_table(table.cast(schema), folder / "activities" / "part-surveys.parquet")


def _add_clones(folder: Path, leads: Leads, rng: np.random.Generator, strength: float) -> None:
    """Leads without an account written once more under another id, with all that happened, some whole weeks later."""
    table = pd.read_csv(folder / "leads.csv", dtype=str)
    alone = table.loc[table["AccountId"].isna() & table["MergedInto"].isna() & ~table["Id"].duplicated(), "Id"]
    may = np.isin(leads.ids, alone) & np.isfinite(np.minimum(leads.sql, leads.refused))
    chosen = np.flatnonzero(may & (rng.random(leads.n) < CLONED_SHARE * strength * 2))
    weeks = rng.integers(8, 40, len(chosen))
    kept = leads.created[chosen] + 7 * weeks < _days(EXPORTED_AT) - 14
    shift = pd.Series(pd.to_timedelta(7 * weeks[kept], unit="D"), index=leads.ids[chosen][kept])
    _shifted(table, "Id", shift, ["CreatedDate"]).to_csv(folder / "leads.csv", mode="a", header=False, index=False)
    stages = pd.read_csv(folder / "stage_history.csv", dtype=str)
    moved = _shifted(stages, "LeadId", shift, ["ChangedDate", "LoggedDate"])
    moved.to_csv(folder / "stage_history.csv", mode="a", header=False, index=False)
    parts = sorted((folder / "activities").glob("part-*.parquet"))
    activities = pd.concat([pd.read_parquet(part) for part in parts])
    again = _shifted(activities, "LeadId", shift, ["ActivityDate", "LoggedDate"])
    again["ActivityId"] = "K" + again["ActivityId"]
    again = again[again["LoggedDate"] < EXPORTED_AT]
    again.to_parquet(folder / "activities" / "part-clones.parquet", index=False)


ADDED: tuple[tuple[str, str, Subject, Callable[[Path, Leads, np.random.Generator, float], None]], ...] = (
    (SURVEY, "logged after the outcome, back-dated", "activity_kind", _add_surveys),
    ("rows", "cloned leads", "rows", _add_clones),
)
"""What is added to the export's own files: name, sort, what it is about, and how it is added."""


def _shifted(table: pd.DataFrame, key: str, shift: pd.Series, times: list[str]) -> pd.DataFrame:
    """The rows of the shifted leads, under a new id and so much later; what lies after the extract is left out."""
    rows = table[table[key].isin(shift.index)].copy()
    by = rows[key].map(shift)
    for name in times:
        if rows[name].dtype.kind == "M":
            rows[name] = rows[name] + by
            continue
        moments = pd.to_datetime(rows[name], errors="coerce", format="%Y-%m-%dT%H:%M:%SZ") + by
        rows = rows[moments < EXPORTED_AT]
        rows[name] = moments.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        by = by[rows.index]
    rows[key] = rows[key] + "-K"
    return rows


# ---------------------------------------------------------------------------------------------------------------------
# Reading the export
# ---------------------------------------------------------------------------------------------------------------------
def _read(folder: Path, rng: np.random.Generator) -> Leads:
    table = pd.read_csv(folder / "leads.csv", dtype=str).dropna(subset=["Id"]).drop_duplicates("Id")
    created = _from_text(table["CreatedDate"])
    table, created = table[created.notna()], created[created.notna()]
    ids = table["Id"].to_numpy(dtype=object)
    stages = pd.read_csv(folder / "stage_history.csv", dtype=str).dropna(subset=["LeadId"])
    stages["at"] = _from_text(stages["ChangedDate"])
    stages = stages[stages["at"].between(0, _days(EXPORTED_AT))]
    deals = pd.read_csv(folder / "opportunities.csv", dtype=str).drop_duplicates("LeadId").set_index("LeadId")
    parts = sorted((folder / "activities").glob("part-*.parquet"))
    activities = pd.concat([pd.read_parquet(part, columns=["LeadId", "ActivityType"]) for part in parts])
    touches = activities[activities["ActivityType"].isin(["Call", "Meeting"])]

    def first(*names: str) -> Floats:
        found = stages[stages["NewStage"].isin(names)].groupby("LeadId")["at"].min()
        return np.asarray(found.reindex(ids).fillna(np.inf))

    def counted(rows: pd.DataFrame) -> Floats:
        return np.asarray(rows["LeadId"].value_counts().reindex(ids).fillna(0), dtype=np.float64)

    return Leads(
        ids=ids,
        created=created.to_numpy(),
        mql=first("Marketing Qualified"),
        sql=first("Sales Qualified"),
        won=first("Closed Won"),
        refused=first("Disqualified", "Closed Lost"),
        n_activities=counted(activities),
        n_touches=counted(touches),
        amount=np.asarray(pd.to_numeric(deals["Amount"], errors="coerce").reindex(ids), dtype=np.float64),
        lean=_lean(folder, ids, rng),
    )


def _lean(folder: Path, ids: np.ndarray, rng: np.random.Generator) -> Floats:
    truth = pd.read_parquet(folder / "truth" / "truth.parquet").set_index("lead_id")["p_mql_to_sql"].clip(0.001, 0.999)
    log_odds = np.log(truth / (1 - truth))
    lean = np.asarray(((log_odds - log_odds.mean()) / log_odds.std()).reindex(ids), dtype=np.float64)
    return np.where(np.isnan(lean), rng.normal(size=len(ids)), lean)


def _days(moment: object) -> float:
    return float((pd.Timestamp(moment) - pd.Timestamp(START)) / pd.Timedelta(days=1))  # type: ignore[arg-type]


def _from_text(texts: pd.Series) -> pd.Series:
    """Days since the start; missing where a text is no time."""
    moments = pd.to_datetime(texts, errors="coerce", format="%Y-%m-%dT%H:%M:%SZ")
    return (moments - pd.Timestamp(START)) / pd.Timedelta(days=1)


def _moments(days: Floats) -> pa.Array:
    return pa.array(pd.Timestamp(START) + pd.to_timedelta(np.round(days * 86400), unit="s")).cast(pa.timestamp("s"))


def _text(days: float) -> str:
    return f"{pd.Timestamp(START) + pd.Timedelta(seconds=round(days * 86400)):%Y-%m-%dT%H:%M:%SZ}"
