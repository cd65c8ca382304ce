"""The journey: the worked examples of its page, what always adds up, and what is no step of a way."""

import numpy as np
import pytest

from alignment.drops import drops
from alignment.journey import journey_of
from alignment.milestones import milestones_of
from alignment.shrinkage import shrunken
from alignment.touches import MOST_STEPS, lead_touches, touches_of
from data_contracts.metrics.funnel import Milestone
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def _journey(history, settings, **options):
    return journey_of(history, milestones_of(history, settings), **({"least_leads": 1} | options))


def _paths(history, settings):
    rows = _journey(history, settings).paths.to_pylist()
    return [row | {"path": " > ".join(row["path"])} for row in rows]


def _drops(history, settings):
    rows = _journey(history, settings).drops.to_pylist()
    return [row | {"place": int(row["place"]) if row["along"] == "steps" else row["place"]} for row in rows]


COMPUTED = {
    "paths to the win": _paths,
    "first and last touches": lambda history, settings: _journey(history, settings).first_and_last.to_pylist(),
    "drops": _drops,
    "before sales": lambda history, settings: _journey(history, settings).before_sales.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("journey", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


KINDS = ("page_view", "form_submit", "webinar", "chat", "email_sent", "assessment", "call")
WAYS = ([], ["mql"], ["mql", "sql"], ["mql", "sal", "sql", "won"], ["mql", "disqualified"], ["mql", "nurture"])


@pytest.fixture(scope="module")
def busy(make_history):
    """300 leads of 120 accounts with up to nine activities, some moved, won or lost, and two unsettled ones."""
    random = np.random.default_rng(5)
    leads, activities, changes = [], [], []
    new_year = np.datetime64("2026-01-02T00:00", "us")
    for number in range(300):
        lead_id, role = f"L{number:03d}", str(random.choice(["Finance", "IT"]))
        leads.append({"lead_id": lead_id, "account_id": f"A{number % 120}", "role": role})
        for day in sorted(random.integers(0, 360, random.integers(0, 10))):
            at, kind = (new_year + np.timedelta64(int(day), "D")).item(), str(random.choice(KINDS))
            activities.append({"lead_id": lead_id, "kind": kind, "occurred_at": at})
        first = int(random.integers(1, 250))
        for nth, stage in enumerate(WAYS[random.integers(len(WAYS))]):
            at = (new_year + np.timedelta64(first + 20 * nth, "D")).item()
            changes.append({"lead_id": lead_id, "stage": stage, "entered_at": at})
    unsettled = [{"lead_id": f"L00{n}", "stage": "won", "reason": "deal_closed", "is_ending": True} for n in range(9)]
    return make_history({"leads": leads, "activities": activities, "stage_changes": changes, "unsettled": unsettled})


def test_every_lead_is_in_one_path_of_each_length_that_it_got_to(busy, settings):
    told = _journey(busy, settings).paths.to_pandas()
    assert len(told) > 20
    for _, paths in told.groupby("n_steps"):
        assert paths["leads"].sum() == paths["all_leads"].iloc[0]
        assert not paths["path"].map(tuple).duplicated().any()
    assert (told.groupby("n_steps")["all_leads"].first().diff().dropna() <= 0).all()
    assert told["n_steps"].max() == MOST_STEPS - 1


def test_the_steps_are_those_that_a_loop_over_the_activities_finds(busy, settings):
    milestones = milestones_of(busy, settings)
    found = lead_touches(busy, milestones).frame
    rows = busy.activities.to_pyarrow().to_pandas().sort_values(["occurred_at", "kind"])
    rows = rows[~rows["kind"].isin(["email_sent", "assessment"])]
    for place, lead_id in enumerate(milestones.frame["lead_id"]):
        own = rows[rows["lead_id"] == lead_id]
        kinds, mql_at = own["kind"].tolist(), milestones.frame["mql_at"].iloc[place]
        steps = [kind for nth, kind in enumerate(kinds) if nth == 0 or kinds[nth - 1] != kind]
        before = own[own["occurred_at"] < mql_at]["kind"].tolist()
        got = found.iloc[place]
        assert (got["n_steps"], got["n_touches"]) == (len(steps), len(kinds))
        assert [got[f"step_{nth}"] for nth in range(1, min(len(steps), MOST_STEPS) + 1)] == steps[:MOST_STEPS]
        assert got["last_before_mql"] == before[-1] if before else got.isna()["last_before_mql"]


def test_paths_of_too_few_leads_are_left_out_and_change_no_other_rate(busy, settings):
    all_paths = _journey(busy, settings).paths.to_pandas()
    some = _journey(busy, settings, least_leads=10).paths.to_pandas()
    assert some["leads"].min() == 10
    both = all_paths.assign(key=all_paths["path"].map(tuple)).merge(some.assign(key=some["path"].map(tuple)), on="key")
    assert len(both) == len(some) == (all_paths["leads"] >= 10).sum()
    for name in ("rate", "all_rate", "lift", "lift_low", "lift_high"):
        assert both[f"{name}_x"].rename(name).equals(both[f"{name}_y"].rename(name))


def test_intervals_hold_their_figures(busy, settings):
    told = _journey(busy, settings).paths.to_pandas().dropna(subset=["lift_low", "lift_high"])
    assert len(told) > 5
    assert (told["lift_low"] <= told["lift"]).all()
    assert (told["lift"] <= told["lift_high"]).all()
    assert (told["lift_low"] < told["lift_high"]).any()


def test_the_lift_without_chance_is_that_of_the_rates_drawn_towards_each_other(busy, settings):
    told = _journey(busy, settings).paths.to_pandas().dropna(subset="rate")
    for _, paths in told.groupby("n_steps"):
        n = paths["leads"].to_numpy(dtype=float)
        drawn = shrunken(paths["rate"].to_numpy() * n, n)
        assert paths["shrunken_lift"].tolist() == pytest.approx((drawn / paths["all_rate"]).tolist())
    first = told[told["n_steps"] == 1]
    assert 0 < np.ptp(first["shrunken_lift"]) < np.ptp(first["lift"])


def test_the_path_that_all_leads_took_is_surely_as_good_as_all(make_history, settings):
    names = [f"{n}" for n in range(6)]
    history = make_history({
        "leads": [{"lead_id": name} for name in names],
        "activities": [{"lead_id": name, "kind": "chat", "occurred_at": "2026-01-02 00:00"} for name in names],
        "stage_changes": [{"lead_id": "1", "stage": "won", "entered_at": "2026-02-01 00:00"},
                          {"lead_id": "2", "stage": "won", "entered_at": "2026-02-01 00:00"}],
    })  # fmt: skip
    (only,) = _journey(history, settings).paths.to_pylist()
    assert (only["lift"], only["lift_low"], only["lift_high"]) == (1.0, 1.0, 1.0)


def test_the_parts_of_each_step_and_stage_make_up_those_that_got_there(busy, settings):
    told = _journey(busy, settings).drops.to_pandas()
    parts = ["went_on", "ended", "stopped", "active", "unsettled"]
    assert (told[parts].sum(axis=1) == told["entered"]).all()
    assert (told[parts].sum() > 0).all()
    assert told[told["along"] == "stages"]["place"].tolist() == ["lead", "mql", "sal", "sql"]


def test_first_and_last_touches_are_of_every_mql_once(busy, settings):
    milestones = milestones_of(busy, settings)
    told = journey_of(busy, milestones).first_and_last.to_pandas()
    assert (told.groupby("position")["leads"].sum() == milestones.frame["mql_at"].notna().sum()).all()
    assert told.groupby("position")["share"].sum().tolist() == pytest.approx([1.0, 1.0])


def test_figures_before_sales_are_of_every_lead_that_got_there(busy, settings):
    frame = milestones_of(busy, settings).frame
    got_there = int((frame["customer_at"].notna() & ~frame["is_unsettled"]).sum())
    told = _journey(busy, settings).before_sales.to_pandas()
    everybody = told[told["persona"].isna()]
    assert (everybody["leads"] + everybody["unknown"]).tolist() == [got_there, got_there]
    share = everybody[everybody["measure"] == "way_share"].iloc[0]
    assert (
        0 <= share["lower_quartile_low"] <= share["lower_quartile"] <= share["median"] <= share["upper_quartile"] <= 1
    )
    assert share["median_low"] < share["median"] < share["median_high"]


def test_the_order_of_rows_does_not_matter(busy, make_history, settings):
    names = ("leads", "activities", "stage_changes")
    rows = {name: list(reversed(busy.tables[name].to_pyarrow().to_pylist())) for name in names}
    turned = make_history(rows | {"unsettled": busy.unsettled.to_pyarrow().to_pylist()})
    one, other = (_journey(each, settings) for each in (busy, turned))
    assert one.paths.equals(other.paths)
    assert one.drops.equals(other.drops)
    assert one.first_and_last.equals(other.first_and_last)
    assert one.before_sales.equals(other.before_sales)


def test_what_is_recorded_later_is_no_touch(make_history, settings):
    late = {"lead_id": "A", "kind": "chat", "occurred_at": "2026-03-01 00:00", "recorded_at": "2027-01-05 00:00"}
    assert (
        touches_of(make_history({"leads": [{"lead_id": "A"}], "activities": [late]}), settings).to_pyarrow().num_rows
        == 0
    )


def test_a_touch_the_other_way_than_usual_is_a_kind_of_its_own(make_history, settings):
    rows = [{"lead_id": "A", "kind": "chat", "direction": way, "occurred_at": f"{at} 00:00"}
            for way, at in (("inbound", "2026-03-01"), ("outbound", "2026-03-02"), (None, "2026-03-03"))]  # fmt: skip
    history = make_history({"leads": [{"lead_id": "A"}], "activities": rows})
    got = lead_touches(history, milestones_of(history, settings)).frame.iloc[0]
    assert [got["step_1"], got["step_2"], got["step_3"]] == ["chat", "chat (outbound)", "chat"]


def test_a_history_without_touches_says_so_and_calls_nobody_silent(make_history, settings):
    mql = {"lead_id": "A", "stage": "mql", "entered_at": "2026-01-05 00:00"}
    told = _journey(make_history({"leads": [{"lead_id": "A"}], "stage_changes": [mql]}), settings)
    assert told.why_not == "no touch of any lead is known"
    assert (len(told.paths), len(told.drops), told.without_touch) == (0, 0, 1)
    assert [row["kind"] for row in told.first_and_last.to_pylist()] == [None, None]


def test_a_milestone_that_the_crm_does_not_record_has_no_paths(make_history, settings):
    touch = {"lead_id": "A", "kind": "chat", "occurred_at": "2026-01-05 00:00"}
    told = _journey(make_history({"leads": [{"lead_id": "A"}], "activities": [touch]}), settings, to=Milestone.SQL)
    assert (told.why_not, len(told.paths), len(told.before_sales)) == ("the history shows no SQL", 0, 0)
    assert told.drops.to_pylist()[0]["stopped"] == 1


def test_no_leads_give_no_rows(make_history, settings):
    told = _journey(make_history({}), settings)
    assert (told.leads, len(told.paths), len(told.first_and_last), len(told.drops), len(told.before_sales)) == (0,) * 5


def test_a_lead_that_was_lost_after_its_silence_has_ended(make_history, settings):
    history = make_history({
        "leads": [{"lead_id": "A"}],
        "activities": [{"lead_id": "A", "kind": "chat", "occurred_at": "2026-01-05 00:00"}],
        "stage_changes": [{"lead_id": "A", "stage": "mql", "entered_at": "2026-01-06 00:00"},
                          {"lead_id": "A", "stage": "lost", "entered_at": "2026-06-01 00:00"}],
    })  # fmt: skip
    milestones = milestones_of(history, settings)
    told = drops(lead_touches(history, milestones), milestones, horizon=120).to_pandas()
    assert told[told["place"] == "mql"][["ended", "stopped"]].to_numpy().tolist() == [[1, 0]]


def test_a_lead_that_nobody_is_known_to_have_contacted_tells_nothing_of_what_came_before_sales(
    make_history, settings_with
):
    by_deeds_alone = settings_with(definitions={"contact": {"stages": []}})
    history = make_history({
        "leads": [{"lead_id": "A"}],
        "activities": [{"lead_id": "A", "kind": "chat", "occurred_at": "2026-01-05 00:00"}],
        "stage_changes": [{"lead_id": "A", "stage": "won", "entered_at": "2026-02-01 00:00"}],
    }, under=by_deeds_alone)  # fmt: skip
    told = _journey(history, by_deeds_alone).before_sales.to_pylist()
    assert [(row["measure"], row["leads"], row["unknown"]) for row in told] == [("way_share", 0, 1), ("touches", 0, 1)]
