"""Deleting everything after the moment changes no feature and no snapshot; nor does the order of the rows.

Hypothesis makes small histories around one moment. The expressions are compiled once, into views; for each history only
the content of the tables that they read is replaced.
"""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from data_contracts.ports import Engine
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import Direction, Stage
from features.build import build_features
from features.snapshots import scoring_snapshots, training_snapshots
from tests.example_history import arrow, column_types, history
from tests.example_kinds import KINDS
from tests.features.conftest import SNAPSHOT_TYPES

AS_OF = dt.datetime.fromisoformat("2026-06-30T12:00")
EXTRACTED_AT = dt.datetime.fromisoformat("2026-09-30")
LEADS = ("A", "B", "C", "D")
ACCOUNTS = ("X", "Y")
HISTORISED = (("lead", "seniority", ("junior", "head", None)), ("account", "employees", ("20", "300", None)))
EXAMPLES = effort(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# ---------------------------------------------------------------------------------------------------------------------
# Small histories around the moment
# ---------------------------------------------------------------------------------------------------------------------


def hours(least, most):
    return st.integers(least, most).map(lambda number: AS_OF + dt.timedelta(hours=number))


AROUND = hours(-2400, 600)
BEFORE = hours(-2400, -1)
NEAR = st.one_of(AROUND, hours(-48, 48))
DELAY = st.sampled_from([0, 0, 0, 1, 48, 900]).map(lambda number: dt.timedelta(hours=number))
LEAD = st.sampled_from(LEADS)


@st.composite
def activities(draw):
    occurred_at = draw(NEAR)
    return {
        "lead_id": draw(LEAD),
        "kind": draw(st.sampled_from(list(KINDS))),
        "direction": draw(st.sampled_from([*Direction, None])),
        "occurred_at": occurred_at,
        "duration_seconds": draw(st.sampled_from([None, 5.0, 300.0])),
        "outcome": draw(st.sampled_from([None, "connected", "No answer"])),
        # A meeting stands in the CRM before it takes place.
        "recorded_at": occurred_at + draw(st.one_of(DELAY, st.just(dt.timedelta(hours=-72)))),
    }


@st.composite
def stage_changes(draw):
    entered_at = draw(NEAR)
    return {
        "lead_id": draw(LEAD),
        "stage": draw(st.sampled_from(list(Stage))),
        "entered_at": entered_at,
        "recorded_at": entered_at + draw(DELAY),
    }


@st.composite
def attribute_histories(draw):
    """Rows of `attribute_changes` in which each old value is the new value before it."""
    rows = []
    for kind, attribute, values in HISTORISED:
        for owner in LEADS if kind == "lead" else ACCOUNTS:
            times = sorted(draw(st.lists(NEAR, max_size=3, unique=True)))
            told = draw(st.lists(st.sampled_from(values), min_size=len(times) + 1, max_size=len(times) + 1))
            rows += [
                {"object": kind, "object_id": owner, "attribute": attribute, "old_value": old, "new_value": new,
                 "changed_at": changed_at}
                for changed_at, old, new in zip(times, told[:-1], told[1:], strict=True)
            ]  # fmt: skip
    return rows


@st.composite
def histories(draw):
    changes = draw(attribute_histories())
    leads = [
        {
            "lead_id": lead,
            "account_id": draw(st.sampled_from([*ACCOUNTS, "X", None])),
            "created_at": draw(st.one_of(BEFORE, BEFORE, NEAR)),
            "source": draw(st.sampled_from(["webinar", None])),
            "seniority": value_at(changes, lead, "seniority", EXTRACTED_AT) or draw(st.sampled_from(["head", None])),
            "budget": draw(st.sampled_from([5000.0, None])),
        }
        for lead in LEADS
    ]
    accounts = [
        {
            "account_id": account,
            "created_at": draw(st.one_of(st.none(), BEFORE, NEAR)),
            "industry": draw(st.sampled_from(["software", "farming", None])),
            "employees": value_at(changes, account, "employees", EXTRACTED_AT),
        }
        for account in ACCOUNTS
    ]
    created_at = {row["lead_id"]: row["created_at"] for row in leads}
    # A stage of a merged lead may lie before its survivor's creation, but nobody knows it at the survivor before that.
    entries = [
        {**row, "recorded_at": max(row["recorded_at"], created_at[row["lead_id"]])}
        for row in draw(st.lists(stage_changes(), max_size=14))
    ]
    unique = {(row["lead_id"], row["stage"], row["entered_at"]): row for row in entries}
    return {
        "accounts": accounts,
        "leads": leads,
        "activities": draw(st.lists(activities(), max_size=25)),
        "stage_changes": list(unique.values()),
        "attribute_changes": changes,
    }


def value_at(changes, owner, attribute, moment):
    """The attribute's value just before `moment`; None where it was missing or never changed."""
    own = [row for row in changes if (row["object_id"], row["attribute"]) == (owner, attribute)]
    earlier = [row for row in own if row["changed_at"] < moment]
    if earlier:
        return earlier[-1]["new_value"]
    return own[0]["old_value"] if own else None


def as_it_was(tables):
    """The tables as they stood at the moment: nothing happened, recorded, created or changed since."""
    accounts = [row for row in tables["accounts"] if row["created_at"] is None or row["created_at"] < AS_OF]
    opened = {row["account_id"] for row in accounts}
    changes = tables["attribute_changes"]
    changed = {(row["object_id"], row["attribute"]) for row in changes}

    def rolled_back(row, owner, attribute):
        if (owner, attribute) not in changed:
            return row
        return {**row, attribute: value_at(changes, owner, attribute, AS_OF)}

    leads = [row for row in tables["leads"] if row["created_at"] < AS_OF]
    return {
        "accounts": [rolled_back(row, row["account_id"], "employees") for row in accounts],
        "leads": [
            {**rolled_back(row, row["lead_id"], "seniority"),
             "account_id": row["account_id"] if row["account_id"] in opened else None}
            for row in leads
        ],
        "activities": [row for row in tables["activities"] if max(row["occurred_at"], row["recorded_at"]) < AS_OF],
        "stage_changes": [row for row in tables["stage_changes"] if max(row["entered_at"], row["recorded_at"]) < AS_OF],
        "attribute_changes": [row for row in changes if row["changed_at"] < AS_OF],
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Made once, read often
# ---------------------------------------------------------------------------------------------------------------------


READ = ("accounts", "leads", "activities", "stage_changes", "attribute_changes", "moments")
IDS = ("lead_id", "account_id", "object_id")


@dataclass(frozen=True, repr=False)
class Workbench:
    """Tables whose content is replaced, and views that read them."""

    engine: Engine
    column_types: object
    transitions: tuple

    def __repr__(self):
        return "the workbench"

    def fill(self, first, second):
        """Put both histories into the tables; the prefix of their ids keeps them apart."""
        for table in READ:
            rows = [
                {**row, **{name: f"{prefix}/{row[name]}" for name in IDS if row.get(name)}}
                for prefix, tables in (("1", first), ("2", second))
                for row in tables.get(table, [])
            ]
            self.engine.keep(table, arrow(rows, self.column_types[table]))

    def read(self, view):
        """The rows of the view for the first history and for the second, without their prefix."""
        rows = self.engine.backend.table(view).to_pyarrow().to_pylist()
        return [
            [{**row, "lead_id": row["lead_id"].removeprefix(prefix)} for row in rows if row["lead_id"][:2] == prefix]
            for prefix in ("1/", "2/")
        ]

    def features(self, first, second):
        """The features of every lead known at the moment, in both histories."""
        leads = sorted(row["lead_id"] for row in first["leads"] if row["created_at"] < AS_OF)
        moments = [
            {"snapshot_id": nth, "lead_id": lead, "group_id": lead, "transition": "mql_to_sql", "day": None,
             "stage": "mql", "as_of": AS_OF}
            for nth, lead in enumerate(leads)
        ]  # fmt: skip
        later = [{**row, "snapshot_id": len(moments) + row["snapshot_id"]} for row in moments]
        self.fill({**first, "moments": moments}, {**second, "moments": later})
        return self.read("features")


@pytest.fixture(scope="module")
def workbench(engine, settings):
    types = {**column_types(settings), "moments": SNAPSHOT_TYPES}
    crm = history({}, engine=engine, under=settings, extracted_at=EXTRACTED_AT)
    moments = engine.keep("moments", arrow([], SNAPSHOT_TYPES))
    features = build_features(crm, Snapshots(moments), settings=settings)
    engine.backend.create_view("features", features.table)
    engine.backend.create_view("scoring", scoring_snapshots(crm, settings.definitions, as_of=AS_OF).table)
    for transition in settings.definitions.transitions:
        snapshots = training_snapshots(crm, settings.definitions, transition=transition).table
        engine.backend.create_view(transition, snapshots.filter(snapshots.as_of <= AS_OF))
    return Workbench(engine, types, tuple(settings.definitions.transitions))


def differing(both):
    """The names of the features in which the two histories differ, whatever the order in which sums were taken."""
    first, second = (sorted(rows, key=lambda row: row["lead_id"]) for rows in both)
    assert len(first) == len(second)
    return {
        name
        for one, other in zip(first, second, strict=True)
        for name, value in one.items()
        if name not in ("snapshot_id", "group_id") and not same(value, other[name])
    }


def same(value, other):
    return other == pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else other == value


NOTHING_BUT_LATE_NEWS = {
    "accounts": [{"account_id": "X", "created_at": None, "industry": None, "employees": None}],
    "leads": [
        {"lead_id": lead, "account_id": "X", "created_at": AS_OF - dt.timedelta(days=9), "source": None,
         "seniority": None, "budget": None}
        for lead in "AB"
    ],
    "activities": [
        {"lead_id": lead, "kind": kind, "direction": None, "occurred_at": AS_OF - dt.timedelta(days=1),
         "recorded_at": AS_OF}
        for lead in "AB"
        for kind in KINDS
    ],
    "stage_changes": [
        {"lead_id": lead, "stage": stage, "entered_at": AS_OF - dt.timedelta(days=1), "recorded_at": AS_OF}
        for lead in "AB"
        for stage in Stage
    ],
    "attribute_changes": [],
}  # fmt: skip


@EXAMPLES
@example(NOTHING_BUT_LATE_NEWS)
@given(histories())
def test_no_feature_changes_when_everything_after_the_moment_is_deleted(workbench, tables):
    assert differing(workbench.features(tables, as_it_was(tables))) == set()


@EXAMPLES
@given(histories(), st.randoms(use_true_random=False))
def test_no_feature_depends_on_the_order_of_the_rows(workbench, tables, random):
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
    assert differing(workbench.features(tables, shuffled)) == set()


@EXAMPLES
@example(NOTHING_BUT_LATE_NEWS)
@given(histories())
def test_no_snapshot_changes_when_everything_after_it_is_deleted(workbench, tables):
    workbench.fill(tables, as_it_was(tables))
    for view in ("scoring", *workbench.transitions):
        with_hindsight, at_the_time = (taken(rows) for rows in workbench.read(view))
        assert with_hindsight == at_the_time


def taken(snapshots):
    """The snapshots without their numbers and their account, which may have been opened later."""
    return sorted((row["lead_id"], row["as_of"], row["stage"], row["day"], row["transition"]) for row in snapshots)


def test_an_activity_recorded_after_the_moment_changes_nothing_though_it_happened_before(workbench):
    quiet = {**NOTHING_BUT_LATE_NEWS, "activities": [], "stage_changes": []}
    assert differing(workbench.features(NOTHING_BUT_LATE_NEWS, quiet)) == set()


def test_the_same_activity_recorded_in_time_changes_features_of_the_lead_and_of_its_colleague(workbench):
    in_time = [
        {**row, "recorded_at": row["occurred_at"]}
        for row in NOTHING_BUT_LATE_NEWS["activities"]
        if row["lead_id"] == "A" and row["kind"] == "pricing_view"
    ]
    changed = differing(workbench.features(NOTHING_BUT_LATE_NEWS, {**NOTHING_BUT_LATE_NEWS, "activities": in_time}))
    assert {"n_pricing_view_7d", "days_since_pricing_view", "n_others_pricing_view_90d"} <= changed
