import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from scipy.special import expit

from data_contracts.calls import no_calls
from data_contracts.errors import ReleaseError
from data_contracts.history import RawHistory
from data_contracts.recalibration import mend_text
from data_contracts.traces import NotTraced, as_text
from data_contracts.vocabulary import Transition
from models.fitted import ContactModel
from serving.asked_leads import delivered, refused_rows
from serving.one_score import Regime
from serving.score import score_batch
from serving.shown import MISSING
from serving.trace import Surroundings, trace_leads
from serving.trace_scores import N_CONTRIBUTIONS, model_rows
from tests.example_history import EXTRACTED_AT, busy_history, quarantine, settings
from tests.example_release import (
    THRESHOLDS,
    chain_summary,
    in_order,
    open_leads,
    recalibration,
    release_of_pricing_views,
)

pytestmark = pytest.mark.whole

SETTINGS = settings()
NO_CALLS = no_calls(EXTRACTED_AT)
NOTHING_PUBLISHED = pa.table({"lead_id": pa.array([], pa.string())})
NOUNS = [
    "RawHistory",
    "CrmHistory",
    "Snapshots",
    "KnownHistory",
    "FeatureTable",
    "LabelledTable",
    "FittedTransition",
    "Thresholds",
    "ScoringRelease",
    "CallList",
    "ScoredLeads",
    "WriteBackPlan",
    "PublishReceipt",
]


@pytest.fixture(scope="module")
def crm():
    """Leads L00000 to L00035; the sixth of each six is disqualified. What was delivered is kept in part."""
    made = busy_history(36)
    delivered = pa.table(
        {
            "source_row": [1, 2, 3],
            "Lead_ID": ["L00002", "L90000", "L70000"],
            "created_at": ["01.03.2026", "02.03.2026", "03.03.2026"],
            "merged_into": [None, "L00002", None],
            "email": ["someone@example.org", None, None],
            "owner_id": ["seller@example.org", None, None],
        }
    )
    made.leads.get_backend().create_table("raw_leads", delivered)
    return made


@pytest.fixture(scope="module")
def raw(crm):
    """What the source says, of the same extract."""
    return RawHistory({"leads": crm.leads.get_backend().table("raw_leads")}, EXTRACTED_AT, "example")


@pytest.fixture(scope="module")
def refused(crm):
    return quarantine(
        crm,
        refusal("activities", 17, key="act-9", given='{"lead_id":"L00002"}', reason="kind 'fax' is unknown"),
        refusal(
            "activities", 21, key="act-6", given='{"lead_id":"a\\"b, c}","note":"L00002"}', reason="kind is missing"
        ),
        refusal(
            "activities", 22, key="act-5", given='{"note":"\\"lead_id\\":\\"L00002\\"","lead_id":"L00004"}', reason="x"
        ),
        refusal("activities", 23, key="act-4", given='{"lead_id":"\\tL00002 "}', reason="occurred_at is missing"),
        refusal("attribute_changes", 4, key="x", given='{"object_id":"L00002"}', reason="changed_at is missing"),
        refusal("activities", 18, key="act-8", given='{"lead_id":"L00003"}', reason="of another lead"),
        refusal("leads", 99, key="L80000", given='{"lead_id":"L80000"}', reason="created_at is missing"),
    )


@pytest.fixture(scope="module")
def features(crm):
    return open_leads(crm, SETTINGS)


@pytest.fixture(scope="module")
def frame(features):
    return in_order(features)


@pytest.fixture(scope="module")
def release(features):
    """A model of the first transition; for the second no signal was found."""
    return release_of_pricing_views(features, Transition.MQL_TO_SQL)


@pytest.fixture(scope="module")
def trace(crm, refused, release, raw):
    """`trace(lead_id, ...)`: what is said of each, with nothing published unless given."""

    def run(
        *lead_ids: str,
        history=crm,
        by=release,
        under=SETTINGS,
        published: pa.Table = NOTHING_PUBLISHED,
        as_of: dt.datetime = EXTRACTED_AT,
    ):
        return trace_leads(
            history,
            lead_ids,
            regime=Regime(by, under, THRESHOLDS),
            beside=Surroundings(refused, published, NO_CALLS, delivered(raw, lead_ids)),
            as_of=as_of,
        )

    return run


@pytest.fixture(scope="module")
def of_an_sql(trace):
    standing = pa.table({"lead_id": ["L00002", "L00003"], "leadscore_grade": ["D4", "A1"]})
    return only_one(trace("L00002", published=standing))


@pytest.fixture(scope="module")
def closed(trace):
    return only_one(trace("L00005"))


def refusal(table: str, source_row: int, *, key: str, given: str, reason: str) -> dict[str, object]:
    return {"table": table, "source_row": source_row, "row_key": key, "rule": "r", "reason": reason, "raw_row": given}


def only_one(told):
    (one,) = told
    return one


def rows(trace, noun: str) -> dict[str, str]:
    return dict(next(step.rows for step in trace.steps if step.noun == noun))


def test_a_trace_goes_through_every_noun_in_order(of_an_sql):
    assert [step.noun for step in of_an_sql.steps] == NOUNS
    assert (of_an_sql.lead_id, of_an_sql.as_of) == ("L00002", EXTRACTED_AT)


def test_a_trace_scores_as_the_run_over_all_leads_does(trace, of_an_sql, frame, release):
    found = score_batch(frame, release, settings=SETTINGS, thresholds=THRESHOLDS)
    whole = {row["lead_id"]: row for row in found.to_pylist()}
    for traced in (of_an_sql, *trace("L00007")):
        row, told = whole[traced.lead_id], rows(traced, "ScoredLeads")
        assert told["p_win"] == f"{row['p_win']:.4g}"
        assert (told["grade"], told["action"], told["reason_1"]) == (row["grade"], row["action"], row["reason_1"])


def test_whether_a_score_is_extrapolated_is_said_in_words(of_an_sql, frame, release):
    found = score_batch(frame, release, settings=SETTINGS, thresholds=THRESHOLDS)
    whole = {row["lead_id"]: row for row in found.to_pylist()}
    assert {row["is_extrapolated"] for row in whole.values()} == {True, False}
    word = "yes" if whole["L00002"]["is_extrapolated"] else "no"
    assert rows(of_an_sql, "ScoredLeads")["is_extrapolated"] == word
    assert rows(of_an_sql, "WriteBackPlan")["leadscore_extrapolated"] == f"{MISSING} → {word}"


def test_a_lead_unlike_all_that_were_learnt_from_is_told_so(trace, release, frame):
    first = release.transitions[Transition.MQL_TO_SQL]
    wary = replace(first, contact=ContactModel(first.estimators[0], unlike_up_to=1.0))
    told = replace(release, transitions={**release.transitions, Transition.MQL_TO_SQL: wary})
    lead_id = frame.loc[frame["transition"] == Transition.MQL_TO_SQL, "lead_id"].iloc[0]

    def shown(by):
        return rows(only_one(trace(lead_id, by=by)), "FittedTransition")

    assert "  extrapolated" not in shown(release)
    assert shown(told)["  extrapolated"].startswith("sales contacted hardly any lead like it")


def test_what_was_delivered_is_shown_without_what_identifies_a_person(of_an_sql):
    told = rows(of_an_sql, "RawHistory")
    assert told["leads"] == "1 row(s) delivered"
    assert told["  created_at"] == "01.03.2026"
    assert told["  owner_id"].startswith("(masked")
    assert "example.org" not in as_text(of_an_sql)


def test_what_is_trusted_and_what_was_refused_stand_side_by_side(of_an_sql):
    told = rows(of_an_sql, "CrmHistory")
    assert told["stage_changes"] == "3 row(s) trusted"
    assert [value.split(",")[0] for label, value in told.items() if label.startswith("  ")] == ["mql", "sal", "sql"]
    refused = {label: value for label, value in told.items() if label.startswith("refused")}
    assert refused == {
        "refused: activities row 17": "kind 'fax' is unknown",
        "refused: activities row 23": "occurred_at is missing",
        "refused: attribute_changes row 4": "changed_at is missing",
    }


def test_the_moment_and_what_was_known_then_are_counted(of_an_sql, frame):
    assert rows(of_an_sql, "Snapshots")["transition"] == "sql_to_win"
    known = rows(of_an_sql, "KnownHistory")
    assert known["own stage changes"].startswith("3 known, the latest ")
    assert known["colleagues who are leads"].startswith("1 known")
    n_own = frame.set_index("lead_id").loc["L00002", "n_inbound_90d"]
    assert known["own activities"].startswith(f"{n_own:.0f} known")


def test_features_that_say_nothing_are_only_counted(of_an_sql, release):
    told = rows(of_an_sql, "FeatureTable")
    telling = set(told) - {"zero", "missing"}
    assert told["current_stage"] == "sql"
    assert len(telling) + int(told["zero"]) + int(told["missing"]) == len(release.manifest.features)


def test_what_was_learnt_from_the_lead_is_told_moment_by_moment(of_an_sql):
    told = rows(of_an_sql, "LabelledTable")
    assert any(label.startswith("mql_to_sql") and value.startswith("day 0: converted") for label, value in told.items())
    assert any(label.startswith("sql_to_win") for label in told)


def test_each_model_says_how_good_it_is_and_what_it_makes_of_the_lead(of_an_sql):
    told = rows(of_an_sql, "FittedTransition")
    assert told["mql_to_sql"].startswith("logistic_regression, calibrator none, 300 of 1200 labelled leads converted")
    assert told["sql_to_win"].startswith("base_rate_by_age")


@pytest.mark.parametrize(
    ("mend", "label"),
    [
        (None, "calibration"),
        (recalibration("none"), "calibration"),
        (recalibration("level_and_slope", intercept=-0.4, slope=1.3), "calibration and mend"),
    ],
)
@pytest.mark.parametrize("transition", [Transition.MQL_TO_SQL, Transition.SQL_TO_WIN])
def test_the_log_odds_that_are_shown_add_up_to_the_probability(frame, release, transition, mend, label):
    model = release.transitions[transition]
    model = replace(model, summary=model.summary.model_copy(update={"recalibration": mend}))
    told = [(name.strip(), value) for name, value in of_first(frame, only(release, model))]
    first = [name for name, _ in told].index("baseline")
    *parts, (last, total) = told[first:]
    assert [parts[0][0], parts[-1][0], last] == ["baseline", label, "sum"]
    assert len(parts) <= N_CONTRIBUTIONS + 3
    figures = [Decimal(value.removesuffix(" log-odds")) for _, value in parts]
    log_odds, probability = total.split(" log-odds, a probability of ")
    assert sum(figures) == Decimal(log_odds)
    assert expit(float(log_odds)) == pytest.approx(float(probability), abs=1e-4)
    assert float(probability) == pytest.approx(model.predict(frame)[0], abs=5e-5)


def of_first(frame, release):
    """What the models make of the first lead of `frame`."""
    lead_id = frame["lead_id"].iloc[0]
    return model_rows(frame, release, [lead_id])[lead_id]


def only(release, model):
    """`release` with that model alone, of its transition."""
    return replace(release, transitions={model.summary.transition: model})


def test_what_was_mended_between_trainings_is_told(frame, release):
    mend = recalibration("level", intercept=-0.4)
    first = release.manifest.transitions[0]
    mended = replace(
        release,
        manifest=release.manifest.model_copy(
            update={"chain": chain_summary("none").model_copy(update={"recalibration": mend})}
        ),
        transitions=release.transitions
        | {
            first.transition: replace(
                release.transitions[first.transition], summary=first.model_copy(update={"recalibration": mend})
            )
        },
    )
    told = dict(of_first(frame, mended))
    assert told["  between trainings"] == mend_text(mend)
    assert told["p_win before SQL"] == mend_text(mend)
    assert "p_win before SQL" not in dict(of_first(frame, release))


def test_boundaries_and_release_are_named(of_an_sql):
    assert rows(of_an_sql, "Thresholds")["sales: eligible from"] == "0.3000"
    assert rows(of_an_sql, "ScoringRelease")["amount of a win"] == "1,000.00 EUR for every lead: as agreed"
    assert rows(of_an_sql, "ScoringRelease")["  of this lead"] == "1,000.00 EUR"
    assert rows(of_an_sql, "ScoringRelease")["release_id"] == "2026-05-01-abc123"


def test_changes_are_shown_old_and_new_beside_what_stands_in_the_crm(of_an_sql):
    grade = rows(of_an_sql, "ScoredLeads")["grade"]
    assert rows(of_an_sql, "WriteBackPlan")["leadscore_grade"] == f"D4 → {grade}"
    assert rows(of_an_sql, "PublishReceipt") == {"lead_id": "L00002", "leadscore_grade": "D4"}


def test_a_lead_that_stands_as_it_should_has_nothing_to_change(trace, of_an_sql):
    new_values = {field: told.split(" → ")[1] for field, told in rows(of_an_sql, "WriteBackPlan").items()}
    new_values["leadscore_grade"] = rows(of_an_sql, "ScoredLeads")["grade"]
    standing = pa.table({"lead_id": ["L00002"]} | {field: [value] for field, value in new_values.items()})
    again = only_one(trace("L00002", published=standing))
    assert rows(again, "WriteBackPlan") == {"nothing": "every field stands as it should"}


def test_a_closed_lead_is_told_up_to_where_its_way_ends(closed):
    assert [step.noun for step in closed.steps] == NOUNS
    assert rows(closed, "Snapshots")["not open"].endswith("the last stage known then is disqualified")
    for noun in ("FeatureTable", "ScoredLeads", "WriteBackPlan"):
        assert "was not open" in rows(closed, noun)["nothing"]
    assert rows(closed, "PublishReceipt") == {"nothing": "it was never published"}
    assert rows(closed, "RawHistory") == {"nothing": "the source has no row of it any more"}


def test_a_lead_that_was_closed_nobody_knows_when_says_why_it_is_not_scored(crm, trace):
    ended = {"lead_id": "L00002", "stage": "lost", "reason": "deal_undated", "is_ending": True}
    unsettled = crm.leads.get_backend().create_table("unsettled_of_one", pa.Table.from_pylist([ended]))
    found = only_one(trace("L00002", history=replace(crm, unsettled=unsettled)))
    assert rows(found, "Snapshots")["closed"] == ("lost, nobody knows when: a lead whose deal is closed without a date")
    assert "was not open" in rows(found, "ScoredLeads")["nothing"]


def test_nothing_later_than_the_moment_is_known(trace):
    early = only_one(trace("L00005", as_of=dt.datetime(2020, 1, 1)))
    assert rows(early, "Snapshots")["not open"].endswith("the last stage known then is none")
    assert rows(early, "KnownHistory")["own stage changes"] == "0 known"


@pytest.mark.parametrize(
    ("lead_id", "because"),
    [
        ("L80000", "lead 'L80000' is in quarantine: created_at is missing; mend it"),
        ("L90000", "lead 'L90000' was merged into 'L00002' and its history belongs to that one; trace 'L00002'"),
        (
            "L70000",
            "lead 'L70000' is neither accepted nor refused: [[crm.left_out]] leaves it out; ",
        ),
        ("l00002", "there is no lead 'l00002' in the checked history; ids look like 'L00000'"),
    ],
)
def test_a_lead_that_is_not_in_the_history_says_what_became_of_it(trace, lead_id, because):
    told = only_one(trace(lead_id))
    assert isinstance(told, NotTraced)
    assert told.because.startswith(because)


def test_many_leads_are_told_as_each_alone_is_in_the_order_asked(trace, of_an_sql, closed):
    asked = ["L00007", "no such", "L00005", "L00002"]
    standing = pa.table({"lead_id": ["L00002", "L00003"], "leadscore_grade": ["D4", "A1"]})
    told = trace(*asked, published=standing)
    assert [one.lead_id for one in told] == asked
    assert told[2:] == (closed, of_an_sql)


def test_many_leads_ask_the_source_as_often_as_one(crm, refused, release, monkeypatch):
    asked = []
    run = type(crm.leads.get_backend())._to_duckdb_relation
    monkeypatch.setattr(
        type(crm.leads.get_backend()), "_to_duckdb_relation", lambda *a, **k: asked.append(1) or run(*a, **k)
    )
    regime, beside = Regime(release, SETTINGS, THRESHOLDS), Surroundings(refused, NOTHING_PUBLISHED, NO_CALLS)

    def queries(*lead_ids):
        asked.clear()
        trace_leads(crm, lead_ids, regime=regime, beside=beside, as_of=EXTRACTED_AT)
        return len(asked)

    assert queries("L00002") == queries("L00002", "L00007", "L00008", "L00010") > 10


@pytest.mark.parametrize("lead_id", ['a"b, c}', "\\", "", "ü\u2028", "x" * 300])
def test_refused_rows_are_found_whatever_the_id_holds(crm, refused, lead_id):
    found = [row["source_row"] for row in refused_rows(refused, [lead_id]).get(lead_id, ())]
    assert found == ([21] if lead_id == 'a"b, c}' else [])


def test_a_release_of_other_definitions_is_refused(trace):
    longer = settings(transitions={"mql_to_sql": {"horizon_days": 60}, "sql_to_win": {"horizon_days": 30}})
    with pytest.raises(ReleaseError, match="ask for mql_to_sql within 60 days"):
        trace("L00002", under=longer)
