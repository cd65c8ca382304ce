"""Agreed against measured: the worked examples of the page, and what is said of which evidence."""

import numpy as np
import pandas as pd
import pytest

from alignment.agreed import agreed_against_measured
from alignment.chance import after_all_looks
from alignment.looks import findings, looks_of
from alignment.milestones import milestones_of
from alignment.profiled import ProfiledLeads, profiled_leads
from alignment.two_shares import chance_of, share_of
from data_contracts.errors import SettingsError
from data_contracts.metrics.agreed import Finding, Standing, Weight
from data_contracts.metrics.funnel import Step
from data_contracts.targets import Targets
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

TARGETS = Targets(version="1", rates={"mql_to_sql": 0.95, "sql_to_customer": 0.3})


def told_of(history, settings, step=Step.MQL_TO_CUSTOMER, targets=TARGETS):
    under = settings.model_copy(update={"targets": targets})
    return agreed_against_measured(history, milestones_of(history, under), step=step)


def _rates(history, settings):
    return [row.model_dump() | {"measured": row.measured.value} for row in told_of(history, settings).rates]


def _criteria(history, settings):
    return [
        {
            "name": row.criterion.name,
            **{name: getattr(row, name).rate.value for name in ("met", "missed", "unknown")},
            **{name: getattr(row, name).value for name in ("difference", "adjusted")},
            "n_compared": row.n_compared,
        }
        for row in told_of(history, settings).criteria
    ]


def _values(history, settings):
    leads = profiled_leads(history, milestones_of(history, settings), Step.MQL_TO_CUSTOMER)
    rows = []
    for look in looks_of(leads, settings):
        held, others = (share_of(which, leads.hits, leads.groups).value for which in (look.held, look.others))
        told = {"attribute": look.attribute, "value": look.value, "agreed": look.is_agreed}
        rows.append(told | {"held": held, "others": others, "difference": held - others})
    return rows


def _chances(history, settings):
    p = [0.04, 0.01, 0.03]
    return [{"p": one, "chance": chance} for one, chance in zip(p, after_all_looks(p), strict=True)]


COMPUTED = {
    "agreed rates": _rates,
    "criteria from MQL to customer": _criteria,
    "values from MQL to customer": _values,
    "chances of 0.04, 0.01 and 0.03 after three looks": _chances,
}


@pytest.mark.parametrize("spec", page_specs("agreed", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def stage(lead, stage, at):
    return {"lead_id": lead, "stage": stage, "entered_at": at}


def test_a_rate_is_said_as_both_teams_read_it(make_history, settings):
    changes = [stage(f"L{n}", "mql", "2026-02-01") for n in range(40)]
    changes += [stage(f"L{n}", "sql", "2026-02-03") for n in range(10)]
    history = make_history({"leads": [{"lead_id": f"L{n}"} for n in range(40)], "stage_changes": changes})
    rates = {"mql_to_sql": 0.3, "lead_to_mql": 0.5, "sql_to_customer": 0.2}
    told = {row.step: row for row in told_of(history, settings, targets=Targets(rates=rates)).rates}
    assert str(told[Step.MQL_TO_SQL]) == "MQL → SQL: agreed 30.0%, measured 25.0% [14.1, 40.4]: inside"
    assert str(told[Step.LEAD_TO_MQL]).endswith("outside")
    assert told[Step.LEAD_TO_MQL].standing is Standing.TOO_LOW
    assert str(told[Step.SQL_TO_CUSTOMER]) == "SQL → customer: agreed 20.0%, not known yet"


def test_without_leads_profile_and_rates_nothing_is_known_and_that_is_said(make_history, settings_with):
    settings = settings_with(definitions={"icp": {"criteria": []}})
    told = told_of(make_history({}), settings, targets=Targets())
    assert (told.rates, told.criteria, told.values, told.n_looks) == ((), (), (), 0)
    assert told.all_leads.rate.value is None
    assert [note.split(":")[0] for note in told.notes] == [
        "No lead has had its MQL → customer horizon yet",
        "No ideal customer profile is agreed.",
        "No rates are agreed",
    ]


def test_what_became_known_after_the_hand_off_is_unknown_at_it(make_history, settings):
    tables = {
        "accounts": [{"account_id": "a", "industry": "software"}],
        "leads": [{"lead_id": "A", "account_id": "a"}],
        "stage_changes": [stage("A", "mql", "2026-02-01"), stage("A", "won", "2026-03-01")],
        "attribute_changes": [
            {
                "object": "account",
                "object_id": "a",
                "attribute": "industry",
                "old_value": None,
                "new_value": "software",
                "changed_at": "2026-03-01",
            }
        ],
    }
    told = told_of(make_history(tables), settings)
    assert [(row.met.n, row.unknown.n) for row in told.criteria] == [(0, 1), (0, 1)]


def test_a_win_after_the_horizon_is_none_and_a_lead_within_it_is_not_looked_at(make_history, settings):
    changes = [
        stage("A", "mql", "2026-02-01"),
        stage("A", "sal", "2026-02-02"),
        stage("A", "won", "2026-06-01"),
        stage("B", "mql", "2026-02-01"),
        stage("B", "won", "2026-05-31 23:00"),
        stage("C", "mql", "2026-09-03"),
        stage("C", "won", "2026-09-04"),
    ]
    leads = [{"lead_id": lead} for lead in "ABC"]
    told = told_of(make_history({"leads": leads, "stage_changes": changes}), settings)
    assert told.horizon_days == 30 + 90
    assert (told.all_leads.n, told.all_leads.hits) == (2, 1)


def test_unsettled_leads_are_left_out(make_history, settings):
    tables = {
        "leads": [{"lead_id": "A"}],
        "stage_changes": [stage("A", "mql", "2026-02-01"), stage("A", "sql", "2026-02-02")],
        "unsettled": [{"lead_id": "A", "stage": "won", "reason": "undated", "is_ending": True}],
    }
    assert told_of(make_history(tables), settings).all_leads.n == 0


def test_where_contact_is_assumed_all_leads_are_looked_at(make_history, settings_with):
    tables = {"leads": [{"lead_id": "A"}], "stage_changes": [stage("A", "mql", "2026-02-01")]}
    assumed = settings_with(definitions={"contact": {"assume_contacted_because": "all are called"}})
    assert told_of(make_history(tables, under=assumed), assumed).all_leads.n == 1


def test_where_no_touch_is_recorded_all_leads_are_looked_at(make_history, settings):
    changes = [stage("A", "mql", "2026-02-01"), stage("A", "won", "2026-02-03"), stage("B", "mql", "2026-02-01")]
    told = told_of(make_history({"leads": [{"lead_id": "A"}, {"lead_id": "B"}], "stage_changes": changes}), settings)
    assert (told.all_leads.n, told.all_leads.hits) == (2, 1)


def test_a_step_before_the_hand_off_is_refused(make_history, settings):
    with pytest.raises(ValueError, match="lead → MQL starts before the hand-off"):
        told_of(make_history({}), settings, step=Step.LEAD_TO_MQL)


def test_a_criterion_that_does_not_suit_its_attribute_is_refused(make_history, settings_with):
    wrong = settings_with(definitions={"icp": {"criteria": [{"name": "x", "attribute": "industry", "at_least": 3}]}})
    with pytest.raises(SettingsError, match="category; use one_of"):
        told_of(make_history({}, under=wrong), wrong)


def profiled(n, *, seed, rates, settings, twins=1):
    """`n` leads whose industry and size are drawn; `rates` gives the chance of a hit by both states."""
    random = np.random.default_rng(seed)
    industry = random.choice(["software", "mining", "retail"], n)
    size = np.where(random.random(n) < 0.5, 100.0, 10.0)
    is_hit = random.random(n) < rates(industry, size)
    values = pd.DataFrame({"industry": industry, "employees": size, "region": random.choice(list("abcdefgh"), n)})
    states = {"industry": (industry == "software").astype(np.int64), "size": (size == 100.0).astype(np.int64)}
    groups = random.integers(0, 60, n)
    rows = np.repeat(np.arange(n), twins)
    return ProfiledLeads(
        hits=is_hit[rows],
        states={name: state[rows] for name, state in states.items()},
        values=values.iloc[rows].reset_index(drop=True),
        groups=groups[rows],
    )


@pytest.fixture
def judged(monkeypatch, make_history, settings):
    """What is said of the criteria of given leads."""
    history = make_history({})

    def say(leads):
        monkeypatch.setattr("alignment.agreed.profiled_leads", lambda *_: leads)
        return {row.criterion.name: row.weight for row in told_of(history, settings).criteria}

    return say


@pytest.mark.parametrize(
    ("n", "met", "missed", "weight"),
    [
        (3000, 0.3, 0.2, Weight.MATTERS),
        (3000, 0.2, 0.3, Weight.OTHER_WAY),
        (9000, 0.3, 0.3, Weight.NO_MATTER),
        (300, 0.3, 0.3, Weight.UNCLEAR),
        (20, 0.9, 0.1, Weight.UNCLEAR),
    ],
)
def test_a_criterion_is_said_to_matter_or_not_only_on_evidence(judged, settings, n, met, missed, weight):
    leads = profiled(
        n, seed=1, settings=settings, rates=lambda industry, size: np.where(industry == "software", met, missed)
    )
    assert judged(leads)["industry"] is weight


def test_twins_of_one_account_are_no_further_evidence(judged, settings):
    def rates(industry, size):
        return np.where(industry == "software", 0.33, 0.27)

    assert judged(profiled(1200, seed=4, settings=settings, rates=rates))["industry"] is Weight.UNCLEAR
    assert judged(profiled(1200, seed=4, settings=settings, rates=rates, twins=9))["industry"] is Weight.UNCLEAR


def test_values_of_pure_chance_are_rarely_a_finding(settings):
    n_found = 0
    for seed in range(20):
        leads = profiled(1500, seed=seed, settings=settings, rates=lambda industry, size: np.full(len(size), 0.3))
        n_found += len(findings(leads, settings)[0])
    assert n_found <= 3


def test_a_value_that_wins_is_found_and_an_agreed_one_that_does_not(settings):
    def rates(industry, size):
        return np.select([industry == "retail", industry == "software"], [0.5, 0.1], default=0.3)

    found, n_looks = findings(profiled(2000, seed=2, settings=settings, rates=rates), settings)
    told = {one.said: (one.finding, one.criterion) for one in found}
    assert told == {
        "industry = retail": (Finding.LEFT_OUT, "industry"),
        "industry = software": (Finding.AGREED_BELOW, "industry"),
    }
    assert n_looks == 3 + 1 + 8


def test_the_chance_of_a_finding_counts_every_look(settings):
    leads = profiled(2000, seed=2, settings=settings, rates=lambda industry, size: 0.3 + 0.2 * (industry == "retail"))
    found, n_looks = findings(leads, settings)
    look = next(one for one in looks_of(leads, settings) if one.value == "retail")
    alone = chance_of(*(share_of(rows, leads.hits, leads.groups) for rows in (look.held, look.others)))
    assert {one.said: one.chance for one in found}["industry = retail"] == pytest.approx(
        n_looks * alone, rel=1e-9, abs=0
    )


def test_numbers_outside_the_agreed_range_are_looked_at(settings):
    leads = profiled(2000, seed=2, settings=settings, rates=lambda industry, size: np.where(size < 50, 0.5, 0.2))
    (found,) = findings(leads, settings)[0]
    assert (found.said, found.criterion, found.at_least) == ("employees <= 10", "size", None)


def test_numbers_that_no_criterion_asks_for_are_cut_into_quarters(settings_with):
    settings = settings_with(
        definitions={"icp": {"criteria": [{"name": "industry", "attribute": "industry", "one_of": ["software"]}]}}
    )
    leads = profiled(100, seed=2, settings=settings, rates=lambda industry, size: np.full(len(size), 0.3))
    values = leads.values.assign(employees=np.arange(100.0))
    looks = list(looks_of(ProfiledLeads(leads.hits, {}, values, leads.groups), settings))
    ends = [(look.at_least, look.at_most, int(look.held.sum())) for look in looks if look.attribute == "employees"]
    assert ends == [(None, 24.0, 25), (25.0, 49.0, 25), (50.0, 74.0, 25), (75.0, None, 25)]


def test_a_value_that_only_goes_with_a_criterion_is_no_finding(settings):
    random = np.random.default_rng(3)
    leads = profiled(4000, seed=3, settings=settings, rates=lambda industry, size: np.where(size > 50, 0.5, 0.1))
    region = np.where((leads.states["size"] == 1) & (random.random(4000) < 0.9), "north", "south")
    found, _ = findings(
        ProfiledLeads(leads.hits, leads.states, leads.values.assign(region=region), leads.groups), settings
    )
    assert [one.said for one in found] == []


def test_a_value_of_few_leads_is_not_looked_at(settings):
    leads = profiled(1000, seed=3, settings=settings, rates=lambda industry, size: np.full(len(size), 0.3))
    rare = leads.values["region"].where(np.arange(1000) >= 29, "rare")
    hits = leads.hits | (np.arange(1000) < 29)
    found, _ = findings(ProfiledLeads(hits, leads.states, leads.values.assign(region=rare), leads.groups), settings)
    assert [one.said for one in found] == []
