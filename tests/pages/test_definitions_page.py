"""Definitions: what both teams read about their agreement, the policy and their words."""

import datetime as dt

import pyarrow.parquet as pq
import pytest

from data_contracts.agreement import Agreement, agreed_versions
from data_contracts.conditions import Condition
from data_contracts.estimates import Estimate
from data_contracts.glossary import GLOSSARY
from data_contracts.policy import Policy, Suppression, Team
from data_contracts.settings import Settings
from data_contracts.thresholds import Expectation, PublishedThresholds
from pages import NotThere, definitions_page
from tests import example_release
from tests.example_history import POLICY, settings
from tests.example_site import EVIL, Seen, frame, nothing_runs, written

TWO_TEAMS = Policy(
    version="2026.2",
    teams=(
        Team(name="DACH", leads_per_week=20, where=Condition(attribute="industry", one_of=("software", "retail"))),
        Team(name="rest", leads_per_week=12.5),
    ),
    exploration_share=0.05,
    suppressed=(
        Suppression(name="customer", account_has_won=True),
        Suppression(name="tiny", where=Condition(attribute="employees", at_most=4)),
    ),
)
AGREED = settings(
    version="2026.2",
    effective_from="2026-04-01",
    agreed_by=["marketing", "sales"],
    personas=[{"name": "maker", "attribute": "industry", "one_of": ["software", "tools"]}],
    point_rule={
        "threshold": 30,
        "activities": [{"kind": "webinar", "points": 14, "max_points": 28, "within_days": 90}],
        "attributes": [{"attribute": "industry", "one_of": ["software"], "points": 6}],
    },
)


def agreement(own: Settings = AGREED, *, policy: Policy = TWO_TEAMS, **changes: object) -> Agreement:
    told = {
        "settings": own,
        "release_id": "2026-06-30-abc123",
        "versions": agreed_versions([settings().definitions, own.definitions]),
        "thresholds": example_release.thresholds(0.3, policy=policy),
        "publications": (),
    }
    return Agreement(**(told | changes))


def seen_of(folder, told: Agreement, **options: object) -> Seen:
    return Seen(written(folder, definitions_page(told, frame=frame(), **options)))


@pytest.fixture
def seen(tmp_path) -> Seen:
    return seen_of(tmp_path, agreement())


def test_the_heading_says_which_definitions_hold_since_when_and_by_whom(seen):
    assert "Definitions 2026.2 hold from Apr 1, 2026, agreed by marketing and sales" in seen.text
    assert "Release 2026-06-30-abc123 works under them" in seen.text


def test_horizons_contact_and_rule_are_said_in_words(seen):
    assert "An MQL has 30 days to become an SQL, and an SQL has 30 days to be won" in seen.text
    assert (
        "A lead is worked once it reached SAL, SQL, opportunity or won, or we began one of these with it" in seen.text
    )
    assert "A from a fit of 80%, B from 60%, C from 40%, D below." in seen.text
    assert seen.row_of("each webinar") == ["each webinar", "14", "90 days", "28"]


def test_why_every_lead_counts_as_worked_is_said(tmp_path):
    own = settings(contact={"assume_contacted_because": "each is called on arrival"})
    assert "taken as worked, because each is called on arrival." in seen_of(tmp_path, agreement(own)).text


def test_one_transition_alone_is_said_as_one(tmp_path):
    own = settings(transitions={"mql_to_win": {"horizon_days": 90}})
    assert "An MQL has 90 days to be won" in seen_of(tmp_path, agreement(own)).text


def test_profile_and_personas_are_said_by_condition(seen):
    assert seen.row_of("company size") == ["company size", "employees from 50 to 999", "1"]
    assert seen.row_of("maker") == ["maker", "industry is software or tools"]


def test_versions_come_with_who_agreed_and_what_changed(seen):
    newest = seen.row_of("2026.2")
    assert newest[1:3] == ["Apr 1, 2026", "marketing, sales"]
    assert "definitions.personas" in newest[3]
    assert seen.row_of("2026.1")[3] == "the first one that is kept"


def test_each_team_has_its_leads_capacity_boundary_and_what_is_expected(tmp_path):
    estimate = Estimate(value=19.0, low=15.0, high=23.0)
    expected = Expectation(
        leads=estimate,
        weeks_low=10,
        weeks_high=28,
        sqls=None,
        wins=estimate,
        revenue=estimate,
        precision=Estimate(value=0.4, low=0.3, high=0.5),
        one_more_call=estimate,
    )
    thresholds = example_release.thresholds(0.3, policy=TWO_TEAMS)
    first, rest = thresholds.teams
    told = thresholds.model_copy(update={"teams": (first.model_copy(update={"expected": expected}), rest)})
    seen = seen_of(tmp_path, agreement(thresholds=told))
    assert "Sales can work 32.5 new leads a week" in seen.text
    assert seen.row_of("DACH")[:6] == [
        "DACH",
        "industry is software or retail",
        "20.0",
        "30%",
        "19.0 15.0 to 23.0",
        "40% 30% to 50%",
    ]
    assert seen.row_of("rest")[:6] == ["rest", "all that are left", "12.5", "30%", "–", "–"]


def test_boundaries_on_expected_values_are_amounts(tmp_path):
    policy = TWO_TEAMS.model_copy(update={"ranked_by": "expected_value"})
    told = agreement(thresholds=example_release.thresholds(1_200.0, policy=policy))
    assert seen_of(tmp_path, told).row_of("DACH")[3] == "€1,200"


def test_the_policy_says_who_is_never_handed_off_and_what_is_drawn_by_lot(seen):
    assert "customer: somebody of its account became a customer; tiny: employees at most 4." in seen.text
    assert "5.0% of the capacity goes to leads below the boundary, drawn by lot." in seen.text


def test_publications_say_when_by_whom_and_why_the_latest_first(tmp_path):
    thresholds = example_release.thresholds(0.25, policy=TWO_TEAMS)
    first = PublishedThresholds(at=dt.datetime(2026, 6, 1), by="Ada", because="a new colleague", thresholds=thresholds)
    back = PublishedThresholds(
        at=dt.datetime(2026, 6, 8), by="Bo", because="too many", thresholds=thresholds, reverts=True
    )
    seen = seen_of(tmp_path, agreement(publications=(first, back)))
    told = [row for row in seen.rows if row[:1] in (["Jun 1, 2026"], ["Jun 8, 2026"])]
    assert [row[:5] for row in told] == [
        ["Jun 8, 2026", "Bo", "taken back to these: too many", "2026.2", "DACH 25%, rest 25%"],
        ["Jun 1, 2026", "Ada", "a new colleague", "2026.2", "DACH 25%, rest 25%"],
    ]
    assert "Thresholds were put into force 2 times" in seen.text


def test_what_the_settings_file_says_otherwise_is_told_with_what_puts_it_into_force(tmp_path):
    told = agreement(file_changes=("definitions.version 2026.2 -> 2026.3",), file_policy_changes=("policy.version",))
    seen = seen_of(tmp_path, told)
    assert "definitions.version 2026.2 -> 2026.3" in seen.text
    assert "leadscore train and leadscore promote put it into force" in seen.text
    assert "leadscore thresholds --publish puts its policy into force" in seen.text


def test_where_the_file_says_the_same_nothing_is_warned_of(seen):
    assert not [one for _, one in seen.elements if one.get("class") == "warning"]


def test_without_a_release_the_file_is_shown_as_what_it_is(tmp_path):
    told = agreement(policy=POLICY, release_id=None, thresholds=None, versions=())
    seen = seen_of(tmp_path, told, not_in_force=NotThere("Nothing was trained yet; run `leadscore train`."))
    assert "They are those of the settings file: no score works under them yet." in seen.text
    assert "Nothing was trained yet; run leadscore train." in seen.text
    assert "it is not in force, and nothing is eligible yet" in seen.text
    assert "No version of the definitions is kept yet" in seen.text
    assert seen.row_of("sales")[3] == "–"


def test_each_word_of_the_crm_stands_beside_ours(tmp_path):
    told = AGREED.model_dump(mode="json")
    told["crm"] |= {"stages": {"Won!": "won"}, "directions": {"Arriving": "inbound"}, "outcomes": {"Dead": "lost"}}
    own = Settings.model_validate(told)
    seen = seen_of(tmp_path, agreement(own))
    assert seen.row_of("Won!") == ["Won!", "won", "stage"]
    assert seen.row_of("Arriving") == ["Arriving", "inbound", "direction of an activity"]
    assert seen.row_of("Dead") == ["Dead", "lost", "outcome of a deal"]


def test_kinds_say_what_a_seller_reads_and_when_an_activity_is_none(seen):
    call = next(row for row in seen.rows if row[:1] == ["call"])
    assert call[2] == "this lead was on the phone with us"
    assert call[4:] == ["us", "yes", "it lasted 20 seconds; it ended in Connected; otherwise call_attempt"]


def test_attributes_say_when_their_value_could_be_known(seen):
    employees = next(row for row in seen.rows if row[:1] == ["employees"])
    assert employees[:5] == ["employees", "employees of the company", "accounts", "number", "immutable: never changes"]


def test_the_glossary_is_that_of_the_documents(tmp_path):
    seen_of(tmp_path, agreement())
    table = pq.read_table(tmp_path / "tables" / "glossary.parquet").to_pydict()
    assert table["word"] == list(GLOSSARY)


def test_no_name_word_or_reason_runs(tmp_path):
    own = settings(
        version=EVIL,
        agreed_by=[EVIL],
        personas=[{"name": EVIL, "attribute": "industry", "one_of": [EVIL]}],
        point_rule={"threshold": 1, "attributes": [{"attribute": "industry", "one_of": [EVIL], "points": 6}]},
        icp={"criteria": [{"name": EVIL, "attribute": "industry", "one_of": [EVIL]}]},
        contact={"assume_contacted_because": EVIL},
    )
    kind = {"family": "dialogue", "direction": "inbound", "words": [EVIL], "phrase": {"did": EVIL, "auxiliary": EVIL}}
    said = {"table": "accounts", "type": "number", "availability": "overwritten", "meaning": EVIL, "phrase": EVIL}
    crm = own.crm.model_dump(mode="json")
    crm |= {"stages": {EVIL: "won"}, "directions": {EVIL: "inbound"}, "outcomes": {EVIL: "lost"}}
    crm["kinds"] |= {"evil": kind | {"outcomes": [EVIL], "otherwise": "call_attempt"}}
    crm["attributes"] |= {"evil": said | {"unit": EVIL, "allowed_because": EVIL}}
    own = Settings.model_validate(own.model_dump(mode="json") | {"crm": crm})
    policy = Policy(
        version=EVIL,
        teams=(
            Team(name=EVIL, leads_per_week=1, where=Condition(attribute="industry", one_of=(EVIL,))),
            Team(name="rest", leads_per_week=1),
        ),
        suppressed=(Suppression(name=EVIL, where=Condition(attribute="industry", one_of=(EVIL,))),),
    )
    thresholds = example_release.thresholds(0.3, policy=policy)
    told = agreement(
        own,
        thresholds=thresholds,
        publications=(PublishedThresholds(at=dt.datetime(2026, 6, 1), by=EVIL, because=EVIL, thresholds=thresholds),),
        file_changes=(EVIL,),
        file_policy_changes=(EVIL,),
        notes=(EVIL,),
    )
    html = written(tmp_path, definitions_page(told, frame=frame(definitions_version=EVIL), not_in_force=NotThere(EVIL)))
    assert nothing_runs(html)
    assert Seen(html).text.count("{{ 7*7 }}") > 30
    assert "<img" not in html
