"""When leads are looked at. The tables are in `specs/snapshots.txt`."""

import datetime as dt

import pytest

from data_contracts.vocabulary import Transition, Unsettled
from features.snapshots import scoring_snapshots, training_snapshots, unscored_leads
from tests.features.spec_files import specs_of

TRAINING = "training "
TIMES = ("as_of", "spell_started_at")


def rows_of(snapshots, columns):
    rows = snapshots.table.order_by("lead_id", "as_of").to_pyarrow().to_pylist()
    return [{column: row[column] for column in columns} for row in rows]


def typed(rows):
    return [{name: value_of(name, cell) for name, cell in row.items()} for row in rows]


def value_of(name, cell):
    if name in TIMES:
        return dt.datetime.fromisoformat(cell)
    return int(cell) if name == "day" and cell is not None else cell


@pytest.mark.parametrize("spec", specs_of("snapshots"), ids=str)
def test_snapshots_are_taken_as_the_spec_says(spec, make_history, settings):
    history = make_history(spec.tables)
    judged = 0
    for name, rows in spec.tables.items():
        if name.startswith(TRAINING):
            transition = Transition(name.removeprefix(TRAINING))
            found = training_snapshots(history, settings.definitions, transition=transition)
        elif name == "scoring":
            as_of = dt.datetime.fromisoformat(rows[0]["as_of"])
            found = scoring_snapshots(history, settings.definitions, as_of=as_of)
        elif name == "unscored":
            as_of = dt.datetime.fromisoformat(spec.tables["scoring"][0]["as_of"])
            found = unscored_leads(history, as_of=as_of)
            assert found == {Unsettled(row["reason"]): int(row["n"]) for row in rows}
            continue
        else:
            continue
        assert rows_of(found, list(rows[0])) == typed(rows)
        judged += 1
    assert judged > 0


@pytest.fixture
def one_open_mql(make_history):
    return make_history(
        {"leads": [{"lead_id": "A"}], "stage_changes": [{"lead_id": "A", "stage": "mql", "entered_at": "2026-03-02"}]}
    )


def moments(snapshots):
    return [row["as_of"].isoformat() for row in rows_of(snapshots, ["as_of"])]


def test_nothing_before_the_day_to_learn_since_is_learnt_from(one_open_mql, settings_with):
    settings = settings_with(definitions={"learn_since": dt.date(2026, 3, 9)})
    found = training_snapshots(one_open_mql, settings.definitions, transition=Transition.MQL_TO_SQL)
    assert moments(found) == ["2026-03-09T00:01:00", "2026-03-16T00:01:00", "2026-03-23T00:01:00"]


def test_without_a_delay_the_entry_is_still_known_at_its_snapshot(one_open_mql, settings_with):
    settings = settings_with(
        definitions={"snapshots": {"entry_delay_minutes": 0, "up_to_days": 0, "judged_at_days": []}}
    )
    found = training_snapshots(one_open_mql, settings.definitions, transition=Transition.MQL_TO_SQL)
    assert moments(found) == ["2026-03-02T00:00:00.000001"]


def test_a_lead_is_looked_at_on_the_judged_days_too_each_day_once(one_open_mql, settings_with):
    settings = settings_with(
        definitions={"snapshots": {"every_days": 7, "up_to_days": 7, "judged_at_days": [7, 1, 10]}}
    )
    found = training_snapshots(one_open_mql, settings.definitions, transition=Transition.MQL_TO_SQL)
    assert [row["day"] for row in rows_of(found, ["day"])] == [0, 1, 7, 10]
    assert [moment[:10] for moment in moments(found)] == ["2026-03-02", "2026-03-03", "2026-03-09", "2026-03-12"]


def test_a_crm_without_sql_has_one_transition_for_every_open_lead(make_history, settings_with):
    settings = settings_with(definitions={"transitions": {"mql_to_win": {"horizon_days": 30}}})
    stages = [("A", "mql"), ("B", "sql"), ("C", "opportunity")]
    history = make_history(
        {
            "leads": [{"lead_id": lead} for lead, _ in stages],
            "stage_changes": [{"lead_id": lead, "stage": stage, "entered_at": "2026-03-02"} for lead, stage in stages],
        }
    )
    scored = scoring_snapshots(history, settings.definitions, as_of=dt.datetime.fromisoformat("2026-04-01"))
    assert [row["transition"] for row in rows_of(scored, ["transition"])] == ["mql_to_win"] * 3
    learnt = training_snapshots(history, settings.definitions, transition=Transition.MQL_TO_WIN)
    assert len(rows_of(learnt, ["as_of"])) == 3 * (1 + 3)


def test_snapshots_are_numbered_in_order_whatever_the_order_of_the_rows(make_history, settings):
    changes = [
        {"lead_id": lead, "stage": "mql", "entered_at": f"2026-03-{day:02}"}
        for lead, day in [("C", 1), ("A", 9), ("B", 5)]
    ]
    leads = [{"lead_id": lead} for lead in "BCA"]
    numbered = [
        training_snapshots(
            make_history({"leads": leads[::step], "stage_changes": changes[::step]}),
            settings.definitions,
            transition=Transition.MQL_TO_SQL,
        )
        for step in (1, -1)
    ]
    first, second = (rows_of(snapshots, ["snapshot_id", "lead_id", "as_of"]) for snapshots in numbered)
    assert first == second
    assert [row["snapshot_id"] for row in first] == list(range(3 * (1 + 3)))
