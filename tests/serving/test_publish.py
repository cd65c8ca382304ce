import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.crm_mapping import CrmMapping
from data_contracts.errors import PublishError
from data_contracts.scores import SCORED_LEADS_SCHEMA, PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.vocabulary import FieldContent
from serving.publish import FIELD_VALUES, FieldChange, plan_write_back, preview, publish
from tests.example_release import THRESHOLDS

AS_OF = dt.datetime(2026, 5, 1, 12)
FIELDS = CrmMapping.model_fields["write_back_fields"].default
NOTHING_PUBLISHED = pa.table({"lead_id": pa.array([], pa.string())})

ONE_LEAD = {
    "lead_id": "L1",
    "account_id": "A1",
    "stage": "mql",
    "as_of": AS_OF,
    "p_sql": 0.41236,
    "p_win_given_sql": 0.25,
    "p_win": 0.10309,
    "p_next_low": 0.38149,
    "p_next_high": 0.45,
    "expected_value": 1030.9,
    "grade": "B2",
    "team": "sales",
    "suppressed_by": None,
    "ranking_value": 0.41236,
    "is_eligible": True,
    "n_labelled_alike": 40,
    "is_extrapolated": False,
    "reason_1": "raises: opened pricing 4 times in 7 days",
    "reason_2": "lowers: company below the agreed size",
    "reason_3": None,
    "action": "hand_off",
    "respond_by_at": dt.datetime(2026, 5, 2, 12),
    "release_id": "r1",
    "definitions_version": "2026.1",
    "policy_version": "2026.1",
}


def scored(folder: Path, *rows: dict) -> ScoredLeads:
    path = folder / "scored'leads.parquet"
    pq.write_table(pa.Table.from_pylist([ONE_LEAD | row for row in rows], schema=SCORED_LEADS_SCHEMA), path)
    return ScoredLeads(
        path=path,
        n_leads=len(rows),
        as_of=AS_OF,
        release_id="r1",
        definitions_version="2026.1",
        data_fingerprint="f1",
        thresholds_id="t1",
    )


def applied(plan, published: pa.Table) -> pa.Table:
    """What stands in the CRM after `plan`: the plainest sink there is."""
    rows = {row["lead_id"]: row for row in published.to_pylist()}
    for change in plan.changes.to_pylist():
        rows.setdefault(change["lead_id"], {"lead_id": change["lead_id"]})[change["field"]] = change["new_value"]
    columns = ["lead_id", *FIELDS]
    return pa.table({name: pa.array([row.get(name) for row in rows.values()], pa.string()) for name in columns})


def planned(scores: ScoredLeads, published: pa.Table, *, fields: Mapping[str, FieldContent]) -> WriteBackPlan:
    return plan_write_back(scores, published, fields=fields, thresholds=THRESHOLDS)


def only(*names: str) -> dict[str, FieldContent]:
    """Some of the fields of the default settings."""
    return {name: FIELDS[name] for name in names}


class Sink:
    """A sink in memory; it writes every lead but the refused."""

    name = "memory"

    def __init__(self, *, refused: tuple[str, ...] = (), forgotten: int = 0):
        self.standing, self._refused, self._forgotten = NOTHING_PUBLISHED, refused, forgotten

    def published(self):
        return self.standing

    def write(self, plan):
        self.standing = applied(plan, self.standing)
        return PublishReceipt(
            sink=self.name,
            release_id="r1",
            as_of=AS_OF,
            n_written=plan.n_changed - len(self._refused) - self._forgotten,
            n_unchanged=plan.n_unchanged,
            refused=dict.fromkeys(self._refused, "locked"),
            places=(),
        )


@pytest.mark.parametrize(("is_extrapolated", "text"), [(True, "yes"), (False, "no")])
def test_an_extrapolated_score_says_so_beside_the_score(tmp_path, is_extrapolated, text):
    of_lead = scored(tmp_path, {"is_extrapolated": is_extrapolated})
    plan = planned(of_lead, NOTHING_PUBLISHED, fields=only("leadscore_extrapolated"))
    assert plan.changes["new_value"].to_pylist() == [text]


def test_without_a_curve_there_is_no_interval_beside_the_probability(tmp_path):
    of_lead = scored(tmp_path, {"p_next_low": None, "p_next_high": None})
    plan = planned(of_lead, NOTHING_PUBLISHED, fields=only("leadscore_interval", "leadscore_p_sql"))
    assert plan.changes["field"].to_pylist() == ["leadscore_p_sql"]


def test_a_new_lead_gets_every_field_as_text_by_name(tmp_path):
    plan = planned(scored(tmp_path, {}), NOTHING_PUBLISHED, fields=FIELDS)
    assert plan.changes.to_pylist() == [
        {"lead_id": "L1", "field": field, "old_value": None, "new_value": value}
        for field, value in [
            ("leadscore_action", "hand_off"),
            ("leadscore_expected_value", "1030.90"),
            ("leadscore_extrapolated", "no"),
            ("leadscore_grade", "B2"),
            ("leadscore_interval", "0.381 to 0.450"),
            ("leadscore_p_sql", "0.4124"),
            ("leadscore_p_win", "0.1031"),
            ("leadscore_reasons", "raises: opened pricing 4 times in 7 days; lowers: company below the agreed size"),
            ("leadscore_release", "r1"),
            ("leadscore_respond_by", "2026-05-02T12:00:00Z"),
        ]
    ]


def test_a_value_that_became_missing_is_cleared_and_one_that_never_was_there_is_no_change(tmp_path):
    before = planned(scored(tmp_path, {}), NOTHING_PUBLISHED, fields=FIELDS)
    now = scored(tmp_path, {"p_sql": None, "respond_by_at": None}, {"lead_id": "L2", "p_sql": None})
    plan = planned(now, applied(before, NOTHING_PUBLISHED), fields=only("leadscore_p_sql", "leadscore_respond_by"))
    assert [tuple(row.values()) for row in plan.changes.to_pylist()] == [
        ("L1", "leadscore_p_sql", "0.4124", None),
        ("L1", "leadscore_respond_by", "2026-05-02T12:00:00Z", None),
        ("L2", "leadscore_respond_by", None, "2026-05-02T12:00:00Z"),
    ]


def test_a_lead_without_any_reason_has_missing_reasons_not_empty_ones(tmp_path):
    plan = planned(
        scored(tmp_path, {"reason_1": None, "reason_2": None}), NOTHING_PUBLISHED, fields=only("leadscore_reasons")
    )
    assert plan.changes.num_rows == 0


def test_leads_that_are_no_longer_scored_are_counted_and_left_alone(tmp_path):
    published = pa.table({"lead_id": ["gone", "L1"], "leadscore_grade": ["A1", "B2"]})
    plan = planned(scored(tmp_path, {}, {"lead_id": "L2"}), published, fields=only("leadscore_grade"))
    assert (plan.n_leads, plan.n_changed, plan.n_unchanged, plan.n_left) == (1 + 1, 1, 1, 1)
    assert plan.changes["lead_id"].to_pylist() == ["L2"]


def test_a_move_below_the_written_decimals_is_no_change(tmp_path):
    published = pa.table({"lead_id": ["L1"], "leadscore_p_sql": ["0.4124"]})
    for p_sql, changes in ((0.41244, 0), (0.41246, 1)):
        plan = planned(scored(tmp_path, {"p_sql": p_sql}), published, fields=only("leadscore_p_sql"))
        assert plan.changes.num_rows == changes


def test_a_customer_s_own_field_names_hold_what_the_settings_say(tmp_path):
    fields = {"Grade__c": FieldContent.GRADE, 'acme "x"': FieldContent.P_WIN, "score": FieldContent.P_WIN}
    plan = planned(scored(tmp_path, {}), NOTHING_PUBLISHED, fields=fields)
    assert [(row["field"], row["new_value"]) for row in plan.changes.to_pylist()] == [
        ("Grade__c", "B2"),
        ('acme "x"', "0.1031"),
        ("score", "0.1031"),
    ]


def test_everything_that_a_field_can_hold_has_a_value():
    assert set(FIELD_VALUES) == set(FieldContent)


def test_a_lead_that_stands_twice_in_the_crm_is_refused(tmp_path):
    with pytest.raises(PublishError, match=r"more than once \('L1'\)"):
        planned(scored(tmp_path, {}), pa.table({"lead_id": ["L1", "L1"]}), fields=FIELDS)


def test_a_preview_shows_whole_leads(tmp_path):
    plan = planned(
        scored(tmp_path, *({"lead_id": f"L{n}"} for n in range(5))),
        pa.table({"lead_id": ["L0", "L1"], "leadscore_grade": ["B2", "C3"], "leadscore_action": ["hand_off", "work"]}),
        fields=only("leadscore_grade", "leadscore_action"),
    )
    assert preview(plan, 2) == (
        FieldChange("L1", "leadscore_action", "work", "hand_off"),
        FieldChange("L1", "leadscore_grade", "C3", "B2"),
        FieldChange("L2", "leadscore_action", None, "hand_off"),
        FieldChange("L2", "leadscore_grade", None, "B2"),
    )
    assert preview(plan, 0) == ()


def test_publishing_twice_writes_once(tmp_path):
    sink, scores = Sink(), scored(tmp_path, {}, {"lead_id": "L2"})
    first = publish(planned(scores, sink.published(), fields=FIELDS), sink)
    second = publish(planned(scores, sink.published(), fields=FIELDS), sink)
    assert (first.n_written, first.n_unchanged) == (2, 0)
    assert (second.n_written, second.n_unchanged) == (0, 2)


def test_a_plan_carries_the_boundaries_of_the_release_that_scored(tmp_path):
    assert planned(scored(tmp_path, {}), NOTHING_PUBLISHED, fields=FIELDS).thresholds == THRESHOLDS


def test_a_new_release_alone_changes_no_lead(tmp_path):
    """Training anew on the same history must not rewrite the whole CRM."""
    standing = applied(
        planned(scored(tmp_path, {}, {"lead_id": "L2"}), NOTHING_PUBLISHED, fields=FIELDS), NOTHING_PUBLISHED
    )
    new = {"release_id": "r2"}
    moved = scored(tmp_path, new, new | {"lead_id": "L2", "grade": "A1"})
    plan = planned(moved, standing, fields=FIELDS)
    assert [(row["lead_id"], row["field"], row["new_value"]) for row in plan.changes.to_pylist()] == [
        ("L2", "leadscore_grade", "A1"),
        ("L2", "leadscore_release", "r2"),
    ]
    assert (plan.n_changed, plan.n_unchanged) == (1, 1)


def test_a_folder_with_brackets_is_read_as_it_is_written(tmp_path):
    """An engine that takes [1] for a pattern would read the scores of the folder beside."""
    for name, lead in (("run[1]", "L1"), ("run1", "L2")):
        (tmp_path / name).mkdir()
        scored(tmp_path / name, {"lead_id": lead})
    here = replace(scored(tmp_path, {}), path=tmp_path / "run[1]" / "scored'leads.parquet")
    changes = planned(here, NOTHING_PUBLISHED, fields=FIELDS).changes
    assert set(changes["lead_id"].to_pylist()) == {"L1"}


def test_refused_leads_are_accounted_for(tmp_path):
    plan = planned(scored(tmp_path, {}, {"lead_id": "L2"}), NOTHING_PUBLISHED, fields=FIELDS)
    assert publish(plan, Sink(refused=("L2",))).refused == {"L2": "locked"}


def test_a_receipt_that_lost_a_lead_is_an_error(tmp_path):
    plan = planned(scored(tmp_path, {}, {"lead_id": "L2"}), NOTHING_PUBLISHED, fields=FIELDS)
    with pytest.raises(PublishError, match=r"2 leads were to be published and the receipt accounts for 1 \(1 written"):
        publish(plan, Sink(forgotten=1))


texts = st.none() | st.text(alphabet="aé'\";=", max_size=3)
rows = st.fixed_dictionaries(
    {
        "p_sql": st.none() | st.floats(0, 1),
        "p_win": st.floats(0, 1),
        "expected_value": st.floats(0, 1e9),
        "grade": st.sampled_from(["A1", "D4"]),
        "reason_1": texts,
        "reason_2": texts,
        "reason_3": texts,
        "respond_by_at": st.none() | st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1)),
    }
)
runs = st.dictionaries(st.sampled_from(["L1", "L2", "é'3"]), rows)


def listed(leads: dict[str, dict]) -> list[dict]:
    return [{"lead_id": lead_id} | row for lead_id, row in sorted(leads.items())]


def test_a_lead_that_is_handed_off_once_more_gets_a_new_time_to_respond_by(tmp_path):
    nurtured = scored(tmp_path, {"action": "nurture", "respond_by_at": None})
    published = applied(planned(nurtured, NOTHING_PUBLISHED, fields=FIELDS), NOTHING_PUBLISHED)
    plan = planned(scored(tmp_path, {}), published, fields=FIELDS)
    assert {c["field"]: c["new_value"] for c in plan.changes.to_pylist()} == {
        "leadscore_action": "hand_off",
        "leadscore_respond_by": "2026-05-02T12:00:00Z",
    }


@settings(max_examples=40, deadline=None)
@given(before=runs, now=runs)
def test_carrying_out_a_plan_leaves_nothing_to_plan_and_touches_only_what_differs(before, now):
    with TemporaryDirectory() as folder:
        first = planned(scored(Path(folder), *listed(before)), NOTHING_PUBLISHED, fields=FIELDS)
        published = applied(first, NOTHING_PUBLISHED)
        scores = scored(Path(folder), *listed(now))
        plan = planned(scores, published, fields=FIELDS)
        changes = plan.changes.to_pylist()
        again = planned(scores, applied(plan, published), fields=FIELDS)
    assert again.changes.num_rows == 0
    assert all(change["old_value"] != change["new_value"] for change in changes)
    assert [(c["lead_id"], c["field"]) for c in changes] == sorted({(c["lead_id"], c["field"]) for c in changes})
    assert {change["lead_id"] for change in changes} <= set(now)
    assert plan.n_left == len(set(before) - set(now))
    assert plan.n_changed + plan.n_unchanged == len(now)
