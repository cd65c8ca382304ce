"""The draws of one plan: what each leaves to chance is its own."""

import datetime as dt

import numpy as np

from alignment.milestones import milestones_of
from alignment.plan_draws import Window
from alignment.plan_simulation import N_DRAWS, Chance, Simulation, random_of, window_of
from data_contracts.metrics.funnel import Milestone, Step
from data_contracts.metrics.plan import Target

AS_OF = dt.datetime(2026, 12, 31)
DAY = dt.timedelta(days=1)


def simulated(make_history, settings, *, by=dt.date(2027, 3, 31)) -> Simulation:
    """A lead a day, one of three won after 30 days."""
    leads = [{"lead_id": f"L{n:03d}", "created_at": AS_OF - n * DAY} for n in range(1, 300)]
    won = [
        {"lead_id": lead["lead_id"], "stage": "won", "entered_at": lead["created_at"] + 30 * DAY}
        for lead in leads[::3]
        if lead["created_at"] + 30 * DAY < AS_OF
    ]
    milestones = milestones_of(make_history({"leads": leads, "stage_changes": won}), settings)
    target = Target(customers=40, by=by)
    return Simulation(None, milestones, target, window_of(target, milestones))


def test_each_chance_has_numbers_of_its_own_and_the_same_each_time():
    first = {chance: random_of(chance).random() for chance in Chance}
    assert len(set(first.values())) == len(Chance)
    assert first == {chance: random_of(chance).random() for chance in Chance}


def test_no_chance_follows_another(make_history, settings):
    """Draws in which many of those under way are won are no draws in which more or fewer have to come by chance."""
    one = simulated(make_history, settings)
    share = one.curves[Step.LEAD_TO_CUSTOMER].reached[1:, -1]
    under_way = one.under_way.worth_from(Milestone.LEAD)[1:]
    wait = (one.needed(Milestone.LEAD)[1:]) / np.maximum(40 - under_way, 1)
    came = one.comes(Milestone.LEAD, per_week=5)
    assert abs(np.corrcoef(under_way, wait)[0, 1]) < 4 / N_DRAWS**0.5
    assert abs(np.corrcoef(share, wait)[0, 1]) < 4 / N_DRAWS**0.5
    assert came.low < came.value < came.high


def test_for_other_days_nothing_is_measured_again(make_history, settings):
    one = simulated(make_history, settings)
    first = one.curves
    later = one.within(Window(one.window.start, one.window.end + 7))
    assert later.curves is first
    assert later.needed(Milestone.LEAD)[1:].mean() <= one.needed(Milestone.LEAD)[1:].mean()
    same = simulated(make_history, settings, by=dt.date(2027, 4, 7))
    assert np.array_equal(later.needed(Milestone.LEAD), same.needed(Milestone.LEAD))


def test_a_plan_counts_local_days(make_history, settings_with):
    berlin = settings_with(policy={"calendar": {"time_zone": "Europe/Berlin"}})
    milestones = milestones_of(make_history({"leads": [{"lead_id": "A"}]}, under=berlin), berlin)
    # The extract is of 01:00 on December 31 in Berlin: 23 hours of that day are left, and 31 days.
    assert window_of(Target(customers=1, by=dt.date(2027, 1, 31)), milestones) == Window(0, 31)
    since = Target(customers=1, since=dt.date(2027, 1, 2), by=dt.date(2027, 1, 31))
    assert window_of(since, milestones) == Window(1, 31)
