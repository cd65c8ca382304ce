"""From a history to the table that models learn from, and to batches that serving reads."""

import datetime as dt
from collections import Counter

import pandas as pd
import pytest

from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from engines.duckdb import DuckDbEngine
from features.build import build_features, build_training_table
from features.catalogue import catalogue_digest
from features.snapshots import scoring_snapshots

LEADS = [
    # Leads, their account, their stages by day. The horizon is 30 days and the extract is far off.
    ("A", "X", [("03-01", "mql"), ("03-03", "sal"), ("03-20", "sql")]),
    ("B", "X", [("03-01", "mql"), ("03-02", "sal")]),
    ("C", None, [("03-02", "mql"), ("03-12", "nurture"), ("05-30", "mql"), ("05-31", "sal")]),
]
HISTORY = {
    "leads": [
        {"lead_id": lead, "account_id": account, "source": "webinar", "created_at": "2026-02-01"}
        for lead, account, _ in LEADS
    ],
    "stage_changes": [
        {"lead_id": lead, "stage": stage, "entered_at": f"2026-{day}"}
        for lead, _, stages in LEADS
        for day, stage in stages
    ],
    "activities": [{"lead_id": "A", "kind": "webinar", "occurred_at": "2026-02-27"}],
}


WON = ("won_status", "won_known_at")


def table_of(history, settings, transition=Transition.MQL_TO_SQL, **options) -> LabelledTable:
    engine = DuckDbEngine(history.leads.get_backend())
    return build_training_table(engine, history, settings, transition=transition, **options)


@pytest.fixture(scope="module")
def labelled(make_history, settings):
    return table_of(make_history(HISTORY), settings)


def test_the_table_has_a_row_a_snapshot_in_order_of_time_and_lead(labelled):
    rows = labelled.frame[["as_of", "lead_id"]]
    assert len(rows) == 3 + 4 + 1 + 4  # C is looked at twice before nurture, without a label, and four times after
    assert list(rows.itertuples(index=False)) == sorted(rows.itertuples(index=False))


def test_only_a_transition_on_the_way_to_another_says_what_became_of_it_there(make_history, settings, settings_with):
    assert set(WON) <= set(table_of(make_history(HISTORY), settings).frame.columns)
    second = table_of(make_history(HISTORY), settings, Transition.SQL_TO_WIN)
    alone = settings_with(
        definitions={"transitions": {"mql_to_win": {"horizon_days": 30}}},
    )
    short = table_of(make_history(HISTORY), alone, Transition.MQL_TO_WIN)
    assert not {*second.frame.columns, *short.frame.columns} & set(WON)


def test_the_columns_are_those_of_the_snapshots_the_features_and_the_outcome(labelled, settings):
    names = [column.name for column in labelled.columns]
    before = ["snapshot_id", "lead_id", "account_id", "group_id", "transition", "day", "stage", "spell_started_at"]
    before += ["as_of"]
    after = [
        "point_rule_points",
        "icp_misses",
        "outcome_status",
        "outcome_known_at",
        "contacted_after_days",
        "touched_after_days",
        "converted_after_days",
        "left_after_days",
        "converted",
        "weight",
        "won_after_days",
        "won_known_at",
        "won_status",
    ]
    assert list(labelled.frame.columns) == before + names + after
    assert (labelled.transition, labelled.horizon_days) == (Transition.MQL_TO_SQL, 30)
    assert labelled.catalogue_digest == catalogue_digest(settings)


def test_numbers_are_float64_and_categories_are_strings(labelled):
    wrong = {
        column.name: str(labelled.frame[column.name].dtype)
        for column in labelled.columns
        if not (
            labelled.frame[column.name].dtype == "float64"
            if column.type == "number"
            else isinstance(labelled.frame[column.name].dtype, pd.StringDtype)
        )
    }
    assert wrong == {}
    assert {column.type for column in labelled.columns} == {"number", "category"}


def test_a_snapshot_of_a_later_week_weighs_less_whatever_becomes_of_it(labelled):
    rows = labelled.labelled()
    weights = rows.groupby("lead_id")["weight"].apply(list).to_dict()
    assert {lead: pytest.approx(found) for lead, found in weights.items()} == {
        "A": [1, 1 / 2, 1 / 3],
        "B": [1, 1 / 2, 1 / 3, 1 / 4],
        "C": [1, 1 / 2, 1 / 3, 1 / 4],  # its second spell
    }
    unlabelled = labelled.frame[~labelled.frame.index.isin(labelled.labelled().index)]
    assert len(unlabelled) > 0
    assert set(unlabelled["weight"]) == {0.0}


def test_the_counts_are_those_of_every_status(labelled):
    # C was not contacted before it went to nurture; its second spell was.
    assert labelled.counts == {
        OutcomeStatus.CONVERTED: 3,
        OutcomeStatus.NOT_CONVERTED: 4 + 4,
        OutcomeStatus.CENSORED: 0,
        OutcomeStatus.NEVER_CONTACTED: 2,
        OutcomeStatus.UNSETTLED: 0,
    }


def test_a_later_snapshot_without_a_label_is_counted_and_not_in_the_table(labelled):
    unlabelled = labelled.frame[labelled.frame["outcome_status"] == OutcomeStatus.NEVER_CONTACTED]
    assert unlabelled["day"].to_list() == [ENTRY]
    assert sum(labelled.counts.values()) == len(labelled.frame) + 1


def test_of_more_labelled_snapshots_than_wanted_whole_accounts_are_drawn(make_history, settings):
    leads = [{"lead_id": f"L{n}", "account_id": f"X{n // 2}", "created_at": "2026-02-01"} for n in range(200)]
    stages = [
        {"lead_id": lead["lead_id"], "stage": stage, "entered_at": f"2026-03-{day}"}
        for lead in leads
        for stage, day in (("mql", "01"), ("sal", "02"), ("sql", "03"))
    ]
    history = make_history({"leads": leads, "stage_changes": stages})
    whole = table_of(history, settings)
    drawn = table_of(history, settings, most_labelled=len(whole.frame) // 4)
    assert (whole.sampled_share, drawn.sampled_share) == (1.0, 0.25)
    assert drawn.counts == whole.counts
    assert 0.1 < len(drawn.frame) / len(whole.frame) < 0.4
    of_account = drawn.frame.groupby("account_id")["lead_id"].nunique()
    assert of_account.eq(2).all(), "an account is drawn with all its leads"


def test_an_outcome_is_known_one_horizon_later(labelled):
    assert set(labelled.frame["outcome_known_at"] - labelled.frame["as_of"]) == {dt.timedelta(days=30)}


def test_leads_of_an_account_are_one_group_and_a_lead_without_one_is_its_own(labelled):
    groups = labelled.frame.groupby("lead_id")["group_id"].unique().map(list).to_dict()
    assert groups == {"A": ["X"], "B": ["X"], "C": ["C"]}


def test_labelled_rows_of_one_moment_can_be_asked_for(labelled):
    assert Counter(labelled.labelled(ENTRY)["lead_id"]) == {"A": 1, "B": 1, "C": 1}


def test_features_stand_beside_the_rows_that_they_belong_to(labelled):
    first = labelled.frame[labelled.frame["lead_id"] == "A"].iloc[0]
    assert (first["n_webinar_30d"], first["point_rule_points"], first["source"]) == (1.0, 10.0, "webinar")
    assert first["days_in_stage"] == pytest.approx(1 / (24 * 60))


def test_a_history_without_snapshots_gives_an_empty_table_of_the_same_columns(make_history, settings, labelled):
    empty = table_of(make_history({}), settings)
    assert list(empty.frame.columns) == list(labelled.frame.columns)
    assert list(empty.counts.values()) == [0] * len(OutcomeStatus)


def test_without_a_point_rule_there_are_no_points(make_history, settings_with):
    settings = settings_with(definitions={"point_rule": None})
    table = table_of(make_history(HISTORY), settings)
    assert table.frame["point_rule_points"].isna().all()
    assert table.frame["point_rule_points"].dtype == "float64"


def test_without_a_profile_there_is_no_fit_and_nothing_is_missed(make_history, settings_with):
    settings = settings_with(definitions={"icp": {}})
    table = table_of(make_history(HISTORY), settings)
    assert table.frame["icp_fit_share"].isna().all()
    assert [list(misses) for misses in table.frame["icp_misses"]] == [[]] * len(table.frame)


def test_a_transition_that_is_not_defined_is_refused(make_history, settings):
    with pytest.raises(KeyError, match="mql_to_win"):
        table_of(make_history(HISTORY), settings, Transition.MQL_TO_WIN)


def test_features_stream_in_batches_of_the_size_asked_for(make_history, settings):
    leads = [{"lead_id": f"L{nth}", "created_at": "2026-02-01"} for nth in range(5_000)]
    history = make_history({"leads": leads})
    as_of = dt.datetime.fromisoformat("2026-06-30")
    snapshots = scoring_snapshots(history, settings.definitions, as_of=as_of)
    batches = build_features(history, snapshots, settings=settings).table.to_pyarrow_batches(chunk_size=1_000)
    sizes = [batch.num_rows for batch in batches]
    assert sum(sizes) == 5_000
    assert max(sizes) <= 2_048  # DuckDB fills its own vectors of 2,048 rows
