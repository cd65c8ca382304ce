"""The model card: what stands on it, and that no text of the settings does anything on it."""

import datetime as dt

from data_contracts.configuration import Configuration
from data_contracts.leaks import LeakFinding, LeakReport
from data_contracts.recalibration import FOLLOWS, Parent
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.gate import may_promote
from models.model_card import model_card
from tests.data_contracts.test_contact_records import report as contact_report
from tests.example_history import settings
from tests.example_release import chain_summary, manifest, recalibration, summary
from tests.models.test_amounts import learnt, wins
from tests.models.test_gate import CHAMPION, champion, compared, in_use

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def told(**changes: object):
    counts = {OutcomeStatus.CONVERTED: 300, OutcomeStatus.NOT_CONVERTED: 900, OutcomeStatus.CENSORED: 77}
    first = summary(SQL, estimator="lightgbm").model_copy(update={"snapshots": counts, "contact": contact_report()})
    return manifest(first, summary(WIN, estimator="base_rate_by_age", gain=0.0), **changes)


def section(card: str, title: str) -> str:
    """What stands below the heading `title`, up to the next one."""
    return card.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_it_says_what_the_release_was_made_of_with_what_was_left_out():
    data = section(model_card(told()), "Data")
    assert "| source | simulated |" in data
    assert "| extract | 2026-05-01 00:00 UTC |" in data
    assert "| definitions | version 2026.1, effective from 2026-01-01 |" in data
    assert "| mql_to_sql | 1,200 | 300 | 300 | 900 | 77 | 100 % |" in data
    assert "snapshots censored" in data


def test_it_says_how_good_it_is_with_intervals_beside_the_baselines_and_at_which_age():
    figures = section(model_card(told(chain=chain_summary("sigmoid"))), "How good it is")
    assert "| our model (LightGBM) | 0.450 [0.440, 0.460] | 0.050 [0.040, 0.060] |" in figures
    assert "| base rate by age | 0.500 [0.490, 0.510] |" in figures
    assert "**mql_to_sql: our model by the age at which it is asked**" in figures
    assert "p_win before SQL, held against wins" in figures


def test_it_says_what_a_win_is_expected_to_bring_by_which_factors_and_how_that_was_judged():
    same = section(model_card(told()), "What a win is expected to bring")
    assert "1,000.00 EUR for every lead: as agreed. There are 40 won leads with an amount." in same
    amounts = learnt(wins(200))
    by_profile = section(model_card(told(amounts=amounts)), "What a win is expected to bring")
    assert "| attribute_plan | it is gold |" in by_profile
    assert "| by the profile | 100 from 2026-01-05 |" in by_profile


def test_it_says_what_was_mended_since_the_training_of_a_transition_and_of_wins_before_sql():
    mend = recalibration("level", intercept=-0.4)
    chain = chain_summary("sigmoid")
    what = "level mended by 400 leads from 2026-04-02 to 2026-05-30, gain 0.0100 [0.0050, 0.0150]."
    first, second = told().transitions
    mended = told(
        chain=chain.model_copy(update={"recalibration": mend}),
        transitions=(first.model_copy(update={"recalibration": mend}), second),
        parent=Parent(release_id="parent", trained_on=dt.datetime(2026, 4, 1)),
    )
    said = section(model_card(mended), "What it is")
    assert f"calibrator none; {what}" in said
    assert f"**p_win before SQL**: the product of both, calibrator sigmoid; {what}" in said
    following = mended.model_copy(update={"chain": chain})
    assert f"calibrator sigmoid; {FOLLOWS}." in section(model_card(following), "What it is")
    assert section(model_card(told(chain=chain)), "What it is").rstrip().endswith("calibrator sigmoid.")


def test_it_lists_every_feature_and_when_declared_attributes_were_known():
    features = section(model_card(told()), "Features")
    assert "| visits | visits to the site | visits | none were recorded |" in features
    assert "| employees | immutable |  |" in features


def test_it_says_whom_sales_contacted_and_within_which_bounds_the_rate_lies():
    contact = section(model_card(told()), "Whom sales contacted")
    assert "mql_to_sql: the rate of all leads from" in contact
    assert "| rate, lowest |" in contact
    assert "sql_to_win: no report, because contact is assumed" in contact


def test_it_says_how_the_release_stands_against_the_champion_and_what_the_gate_says():
    against = compared(low=0.001, high=0.019, in_use=(in_use(), in_use(n=99)))
    card = model_card(told(), comparison=against, verdict=may_promote(told(), champion(), comparison=against))
    assert "0.0100 [0.0010, 0.0190]" in section(card, "Against the release in force")
    assert "mql_to_sql: the champion in use is not judged yet, as 99 leads" in section(
        card, "Against the release in force"
    )
    assert "| recipe | fails | sql_to_win: its recipe is clearly worse" in section(card, "The gate")
    other = compared(not_compared_because="it is older")
    assert f"Not compared with {CHAMPION}: it is older." in model_card(told(), comparison=other)


def test_what_was_not_asked_is_said_so():
    card = model_card(told())
    assert section(card, "The gate").strip() == "It was not asked yet."
    assert "Nothing was in force when it was trained" in section(card, "Against the release in force")
    assert "mql_to_sql: nobody looked" in section(card, "What may have known the outcome")


def test_it_warns_of_a_transition_without_signal():
    assert "sql_to_win: no signal; gain over the base rate by age" in section(model_card(told()), "Where to be careful")
    assert "because no signal was found" in section(model_card(told()), "What it is")


def test_a_text_of_the_settings_is_shown_as_it_is_and_works_nowhere():
    evil = "<script>alert(1)</script> | [x](http://a.b) `c`\n# head"
    shown = r"&lt;script&gt;alert(1)&lt;/script&gt; \| [x]\(http://a.b) \`c\` # head"
    agreed = Configuration.of(settings())
    declared = agreed.attributes["industry"].model_copy(update={"allowed_because": evil})
    attributes = {"configuration": agreed.model_copy(update={"attributes": {evil: declared}})}
    finding = LeakFinding(
        subject="attribute", name=evil, declared="overwritten", verdict="leak", reason=evil, allowed_because=evil
    )
    report = LeakReport(
        transition=SQL,
        extracted_at=dt.datetime(2026, 5, 1),
        test_from=dt.datetime(2026, 1, 1),
        n_leads=9,
        n_open=1,
        findings=(finding,),
    )
    made = told(**attributes)
    leaky = made.transitions[0].model_copy(update={"leaks": report})
    card = model_card(made.model_copy(update={"transitions": (leaky,)}))
    assert card.count(shown) == 2 + 3
    assert "<script>" not in card
    assert not [line for line in card.splitlines() if line.startswith("# head")]
