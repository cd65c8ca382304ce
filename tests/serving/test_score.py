import math
import os
import pickle
import shutil
from dataclasses import replace

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import engines.mapping
from data_contracts.amounts import WordEffect
from data_contracts.calls import HandOffState
from data_contracts.errors import BusyError, PublishError, ReleaseError
from data_contracts.keeping import held
from data_contracts.progress import silent
from data_contracts.scores import SCORED_LEADS_SCHEMA, ScoredLeads
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import Transition
from engines.duckdb import DuckDbEngine
from features.catalogue import features_of
from models.fitted import ScoringRelease
from models.win_calibrator import fit_win_calibrator
from serving.calls import DECIDED
from serving.score import BatchScorer, open_scored_leads, score_batch, score_leads
from tests.example_history import EXTRACTED_AT, POLICY, busy_history, history, settings
from tests.example_release import (
    AMOUNTS,
    THRESHOLDS,
    Fixed,
    base_rate,
    calibration,
    chain_summary,
    in_order,
    manifest,
    open_leads,
    recalibration,
    release_of,
    release_of_pricing_views,
    thresholds,
)
from tests.models.test_win_calibrator import leads as leads_with_wins

SETTINGS = settings()
COLUMNS = tuple(feature.column for feature in features_of(SETTINGS))


def scored_into(path, crm, release, settings=SETTINGS, say=silent) -> ScoredLeads:
    """The scores of `crm` at its extract, in the folder `path`."""
    engine = DuckDbEngine(crm.leads.get_backend())
    return score_leads(
        engine,
        crm,
        release,
        settings=settings,
        hand_offs=HandOffState(THRESHOLDS),
        as_of=EXTRACTED_AT,
        path=path,
        say=say,
    )


@pytest.fixture(scope="module")
def crm():
    return busy_history(60)


@pytest.fixture(scope="module")
def features(crm):
    return open_leads(crm, SETTINGS)


@pytest.fixture(scope="module")
def frame(features):
    return in_order(features)


@pytest.fixture(scope="module")
def release(features):
    return release_of_pricing_views(features, *SETTINGS.definitions.transitions)


def fixed_release(*models: Fixed, **changes: object) -> ScoringRelease:
    told = manifest(*(model.summary for model in models), features=COLUMNS, **changes)
    return ScoringRelease(manifest=told, transitions={model.summary.transition: model for model in models})


def two_steps(*, p_sql: float = 0.4, p_win: float = 0.5, contributions: dict[str, float] | None = None, **changes):
    first = Fixed(Transition.MQL_TO_SQL, probability=p_sql, contributions=contributions or {"n_inbound_7d": 1.0})
    second = Fixed(Transition.SQL_TO_WIN, probability=p_win, contributions={"n_inbound_7d": -1.0})
    return fixed_release(first, second, **changes)


def lead(**changes: object) -> pd.DataFrame:
    """One open MQL that fits the profile, with 2 as the value of each number and `x` of each word."""
    told = {
        "lead_id": "L1",
        "account_id": "A1",
        "transition": "mql_to_sql",
        "day": None,
        "stage": "mql",
        "as_of": pd.Timestamp("2026-05-01 12:00"),
        **{column.name: 2.0 if column.type == "number" else "x" for column in COLUMNS},
        "icp_fit_share": 1.0,
        "icp_misses": [],
        "team": "sales",
        "suppressed_by": None,
    }
    return pd.DataFrame([told | changes])


def scored(frame: pd.DataFrame, release: ScoringRelease, *, thresholds: Thresholds = THRESHOLDS) -> dict[str, object]:
    return score_batch(frame, release, settings=SETTINGS, thresholds=thresholds).to_pylist()[0]


def test_a_lead_before_sql_gets_the_chain_of_both_models_and_its_value():
    row = scored(lead(), two_steps(p_sql=0.4, p_win=0.5))
    assert (row["p_sql"], row["p_win_given_sql"], row["p_win"]) == (0.4, 0.5, 0.4 * 0.5)
    assert row["expected_value"] == 0.4 * 0.5 * 1_000.0


def test_beside_a_probability_stands_what_came_of_later_leads_that_were_given_the_same():
    """The curve is that of the transition which the lead waits for."""
    release = two_steps(p_sql=0.4)
    first = release.transitions[Transition.MQL_TO_SQL]
    first.summary = first.summary.model_copy(update={"calibration": calibration()})
    row = scored(lead(), release)
    assert (row["p_next_low"], row["p_next_high"]) == pytest.approx((0.3, 0.4))
    row = scored(lead(stage="sql", transition="sql_to_win"), release)
    assert (row["p_next_low"], row["p_next_high"]) == (None, None), "that model was not judged"


def test_an_sql_has_its_sql_behind_it_and_is_explained_by_the_second_model():
    row = scored(lead(stage="sql", transition="sql_to_win"), two_steps(p_sql=0.4, p_win=0.5))
    assert (row["p_sql"], row["p_win_given_sql"], row["p_win"]) == (1.0, 0.5, 0.5)
    assert (row["action"], row["respond_by_at"]) == ("work", None)
    assert row["reason_1"] == "lowers: did something of its own accord 2 times in the last 7 days"


def test_a_lead_before_sql_is_explained_by_the_first_model():
    row = scored(lead(), two_steps())
    assert row["reason_1"] == "raises: did something of its own accord 2 times in the last 7 days"
    assert row["reason_2"] is None


def test_with_one_transition_only_the_win_is_known():
    one_step = settings(transitions={"mql_to_win": {"horizon_days": 30}})
    release = fixed_release(Fixed(Transition.MQL_TO_WIN, probability=0.35, contributions={"n_inbound_7d": 1.0}))
    row = score_batch(lead(transition="mql_to_win"), release, settings=one_step, thresholds=THRESHOLDS).to_pylist()[0]
    assert (row["p_sql"], row["p_win_given_sql"], row["p_win"]) == (None, None, 0.35)
    assert (row["is_eligible"], row["action"]) == (True, "wait")


def test_the_threshold_belongs_to_the_first_transition():
    assert scored(lead(), two_steps(p_sql=0.3, p_win=0.01))["is_eligible"] is True
    below = scored(lead(), two_steps(p_sql=0.29, p_win=0.99))
    assert (below["is_eligible"], below["action"]) == (False, "nurture")


@pytest.mark.parametrize(
    ("fit", "p_sql", "grade", "n_alike", "is_extrapolated"),
    [
        (1.0, 0.6, "A1", 40, False),
        (0.7, 0.3, "B2", 30, False),
        (0.5, 0.1, "C3", 29, True),
        (0.0, 0.0, "D4", 0, True),
        (np.nan, 0.1, "C3", 29, True),
    ],
)
def test_a_grade_with_fewer_than_thirty_labelled_leads_is_extrapolated(fit, p_sql, grade, n_alike, is_extrapolated):
    row = scored(lead(icp_fit_share=fit), two_steps(p_sql=p_sql))
    assert (row["grade"], row["n_labelled_alike"], row["is_extrapolated"]) == (grade, n_alike, is_extrapolated)


@pytest.mark.parametrize(
    ("changes", "is_extrapolated"),
    [({}, False), ({"stage": "lead"}, True), ({"days_in_stage": 90.0}, False), ({"days_in_stage": 90.1}, True)],
)
def test_a_lead_before_mql_or_in_its_stage_for_longer_than_training_looked_is_extrapolated(changes, is_extrapolated):
    assert scored(lead(**changes), two_steps(p_sql=0.6))["is_extrapolated"] is is_extrapolated


def test_a_lead_unlike_those_that_its_next_model_learnt_from_is_extrapolated():
    release, both = two_steps(p_sql=0.6), pd.concat([lead(), lead(lead_id="L2"), lead(lead_id="L3", stage="lead")])
    release.transitions[Transition.MQL_TO_SQL].unlike = ("L2",)
    release.transitions[Transition.SQL_TO_WIN].unlike = ("L1",)
    rows = score_batch(both, release, settings=SETTINGS, thresholds=THRESHOLDS).to_pylist()
    assert [row["is_extrapolated"] for row in rows] == [False, True, True]


def test_a_lead_off_the_profile_is_told_what_it_misses_and_nothing_of_the_profile_twice():
    contributions = {"icp_industry": -3.0, "icp_fit_share": -2.0, "attribute_employees": -2.0, "n_inbound_7d": 0.5}
    misses = ["company size", "industry"]
    row = scored(lead(icp_fit_share=0.0, icp_misses=misses), two_steps(p_sql=0.1, contributions=contributions))
    assert row["action"] == "reject"
    assert [row["reason_1"], row["reason_2"], row["reason_3"]] == [
        "lowers: outside the agreed profile (company size, industry)",
        "raises: did something of its own accord 2 times in the last 7 days",
        None,
    ]


def test_where_no_signal_was_found_the_base_rate_is_published_and_said():
    transitions = (Transition.MQL_TO_SQL, Transition.SQL_TO_WIN)
    release = release_of({each: base_rate(each, columns=COLUMNS) for each in transitions}, features=COLUMNS)
    row = scored(lead(), release)
    assert (row["p_sql"], row["p_win"]) == (0.25, 0.25 * 0.25)
    assert [row["reason_1"], row["reason_2"]] == ["no signal found: base rate", None]


@pytest.fixture(scope="module")
def run(crm, release, tmp_path_factory):
    """One scoring run over the whole CRM, 20 leads at a time: what it returned, and what it told of its progress."""
    told = []
    path = tmp_path_factory.mktemp("scores") / "new" / "scored"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines.mapping, "ROWS_AT_ONCE", 20)
        scores = scored_into(path, crm, release, say=told.append)
    return scores, told


@pytest.fixture
def table(run) -> pd.DataFrame:
    return pq.read_table(run[0].path).to_pandas()


def test_scores_are_streamed_into_a_file_in_order_of_the_lead(run, table, frame):
    scores, told = run
    assert {file.name for file in scores.path.iterdir()} == {
        *("_about.json", "_calls.arrow", "_calls.json", "part-0.parquet")
    }
    assert pq.read_schema(scores.path / "part-0.parquet").equals(SCORED_LEADS_SCHEMA)
    assert table["lead_id"].to_list() == sorted(frame["lead_id"])
    assert told == ["20 leads scored", "40 leads scored", f"{len(frame)} leads scored"]
    assert (scores.n_leads, scores.as_of, scores.release_id) == (len(frame), EXTRACTED_AT, "2026-05-01-abc123")
    assert scores.definitions_version == "2026.1"
    assert scores.path.is_symlink(), "the files are replaced together"


def test_a_stream_scores_as_one_batch_does(table, release, frame):
    whole = score_batch(frame, release, settings=SETTINGS, thresholds=THRESHOLDS)
    own = [name for name in table.columns if name not in DECIDED]  # the call list decides the others
    pd.testing.assert_frame_equal(table[own], whole.to_pandas()[own])


def test_every_stage_that_is_open_is_scored_and_no_closed_one(table):
    assert set(table["stage"]) == {"lead", "mql", "sal", "sql", "opportunity"}
    assert table["p_win"].between(0, 1).all()
    assert table.loc[table["stage"].isin(["sql", "opportunity"]), "p_sql"].eq(1).all()


def test_a_lead_with_pricing_views_is_told_so(table):
    reasons = table[["reason_1", "reason_2", "reason_3"]].stack()
    assert reasons.str.match("(raises|lowers): ").all()
    assert reasons.str.contains("raises: opened pricing").any()


def test_no_open_lead_gives_a_file_without_rows(release, tmp_path):
    nobody = history({})
    scores = scored_into(tmp_path / "scored", nobody, release)
    assert (scores.n_leads, scores.release_id) == (0, "2026-05-01-abc123")


def test_a_run_that_fails_leaves_the_scores_of_the_last_one(crm, release, tmp_path):
    path = tmp_path / "scored"
    path.mkdir()
    (path / "part-0.parquet").write_bytes(b"the last scores")

    def fail(line: str) -> None:
        raise RuntimeError("the machine went away")

    with pytest.raises(RuntimeError, match="went away"):
        scored_into(path, crm, release, say=fail)
    assert (path / "part-0.parquet").read_bytes() == b"the last scores"
    assert {file.name for file in tmp_path.iterdir()} == {"scored", "scored.lock"}


def test_a_second_scoring_run_is_told_who_scores_and_leaves_the_scores_alone(crm, release, tmp_path):
    path = tmp_path / "scored"
    path.mkdir()
    (path / "part-0.parquet").write_bytes(b"the last scores")
    said = rf"leadscore score \(process {os.getpid()} on .*\) is at work on .*scored"
    with held(path, by="leadscore score"), pytest.raises(BusyError, match=said):
        scored_into(path, crm, release)
    assert (path / "part-0.parquet").read_bytes() == b"the last scores"


def test_the_size_of_the_engine_s_batches_changes_no_byte(run, crm, release, tmp_path, monkeypatch):
    """A probability may depend in its last bit on the place in a batch, and batches on the engine's threads."""
    scores, _ = run
    before = ir.Table.to_pyarrow_batches
    monkeypatch.setattr(ir.Table, "to_pyarrow_batches", lambda table: before(table, chunk_size=7))
    monkeypatch.setattr(engines.mapping, "ROWS_AT_ONCE", 20)
    again = scored_into(tmp_path / "again", crm, release)
    assert (again.path / "part-0.parquet").read_bytes() == (scores.path / "part-0.parquet").read_bytes()


def test_a_release_of_another_catalogue_is_refused(crm, release, tmp_path):
    inputs = release.manifest.inputs.model_copy(update={"catalogue_digest": "other"})
    other = ScoringRelease(release.manifest.model_copy(update={"inputs": inputs}), release.transitions)
    with pytest.raises(ReleaseError, match=r"made by feature catalogue other and the one in force is \w{16}; train"):
        scored_into(tmp_path / "scored", crm, other)


def test_a_release_for_other_horizons_or_transitions_is_refused(crm, release, tmp_path):
    longer = settings(transitions={"mql_to_sql": {"horizon_days": 60}, "sql_to_win": {"horizon_days": 30}})
    one_step = settings(transitions={"mql_to_win": {"horizon_days": 30}})
    for other, asked in ((longer, "mql_to_sql within 60 days and sql_to_win"), (one_step, "mql_to_win within 30 days")):
        with pytest.raises(ReleaseError, match=f"predicts mql_to_sql within 30 days and .* ask for {asked}"):
            scored_into(tmp_path / "scored", crm, release, settings=other)


@pytest.mark.parametrize("about", [None, "", "{}", '{"as_of": "soon"}'])
def test_a_folder_without_scores_is_refused(about, tmp_path):
    path = tmp_path / "scored"
    path.mkdir()
    if about is not None:
        (path / "_about.json").write_text(about)
    with pytest.raises(PublishError, match=r"there are no scores at .*run `leadscore score` first"):
        open_scored_leads(path)


def test_scores_of_which_some_are_gone_are_refused(run, tmp_path):
    path = tmp_path / "scored"
    shutil.copytree(run[0].path, path)
    rows = pq.read_table(path / "part-0.parquet")
    pq.write_table(rows.slice(1), path / "part-0.parquet")
    with pytest.raises(PublishError, match=rf"{rows.num_rows - 1} of {rows.num_rows} leads are there"):
        open_scored_leads(path)


def test_a_lead_that_the_engine_loses_on_the_way_leaves_no_scores(crm, release, tmp_path, monkeypatch):
    whole = DuckDbEngine.map_batches

    def lossy(engine, rows, function, **options):
        return whole(engine, rows.filter(rows.lead_id != rows.lead_id.min()), function, **options)

    monkeypatch.setattr(DuckDbEngine, "map_batches", lossy)
    with pytest.raises(PublishError, match=r"\d+ of \d+ leads are there"):
        scored_into(tmp_path / "scored", crm, release)
    assert not (tmp_path / "scored").exists()


def test_a_damaged_file_among_the_scores_is_refused(run, tmp_path):
    path = tmp_path / "scored"
    shutil.copytree(run[0].path, path)
    (path / "part-0.parquet").write_bytes(b"no parquet")
    with pytest.raises(PublishError, match=r"there are no scores at .*run `leadscore score` first"):
        open_scored_leads(path)


def test_a_scorer_that_travelled_to_another_process_scores_the_same(release, features):
    scorer = BatchScorer(release, settings=SETTINGS, thresholds=THRESHOLDS)
    rows = features.table.order_by("lead_id").to_pyarrow()
    sent = pickle.dumps(scorer)
    arrived = pickle.loads(sent)  # noqa: S301  as a cluster sends it to its own workers
    assert arrived(rows).equals(scorer(rows))
    assert pickle.loads(sent) is arrived, "a worker loads the release once"  # noqa: S301


def test_the_thresholds_that_are_in_force_decide():
    assert scored(lead(), two_steps(p_sql=0.8), thresholds=thresholds(0.9))["action"] == "nurture"


def test_leads_can_be_ranked_by_expected_value_less_the_cost_of_working_them():
    """A win is worth 1,000: 0.4 x 0.5 x 1,000 - 50 = 150."""
    policy = POLICY.model_copy(update={"ranked_by": "expected_value", "cost_of_working_a_lead": 50.0})
    row = scored(lead(), two_steps(p_sql=0.4, p_win=0.5), thresholds=thresholds(150.0, policy=policy))
    assert (row["ranking_value"], row["is_eligible"], row["action"]) == (150.0, True, "wait")
    row = scored(lead(), two_steps(p_sql=0.4, p_win=0.5), thresholds=thresholds(150.1, policy=policy))
    assert (row["is_eligible"], row["action"]) == (False, "nurture")


def test_a_lead_is_worth_and_ranked_by_what_its_profile_brings():
    """A win brings 1,000 on average, and three times as much in industry x."""
    of_x = WordEffect(feature="attribute_industry", coefficients={"x": math.log(3.0)})
    amounts = AMOUNTS.model_copy(update={"words": (of_x,), "lowest": 0.0, "highest": 9_000.0})
    policy = POLICY.model_copy(update={"ranked_by": "expected_value", "cost_of_working_a_lead": 50.0})
    release = two_steps(p_sql=0.4, p_win=0.5, amounts=amounts)
    for industry, amount in (("x", 3_000.0), ("y", 1_000.0)):
        row = scored(lead(attribute_industry=industry), release, thresholds=thresholds(150.0, policy=policy))
        assert row["expected_value"] == pytest.approx(0.4 * 0.5 * amount)
        assert row["ranking_value"] == pytest.approx(0.4 * 0.5 * amount - 50.0)


def test_a_suppressed_lead_says_by_what_and_is_never_handed_off():
    row = scored(lead(suppressed_by="customer"), two_steps(p_sql=0.9))
    assert (row["suppressed_by"], row["action"], row["respond_by_at"]) == ("customer", "suppress", None)


def test_a_lead_of_no_team_is_never_handed_off():
    row = scored(lead(team=None), two_steps(p_sql=0.9))
    assert (row["team"], row["is_eligible"], row["action"]) == (None, False, "nurture")


def test_a_win_before_sql_is_mended_in_value_and_moves_no_hand_off():
    calibrator = fit_win_calibrator("sigmoid_by_age", leads_with_wins(2_000, intercept=1.0))
    plain = two_steps(p_sql=0.4, p_win=0.2, chain=chain_summary("sigmoid_by_age"))
    before, after = (scored(lead(), one) for one in (plain, replace(plain, win_calibrator=calibrator)))
    assert before["p_win"] < after["p_win"] <= after["p_sql"] == before["p_sql"]
    assert after["expected_value"] == after["p_win"] * 1_000.0
    unmoved = ("grade", "is_eligible", "action", "respond_by_at", "reason_1")
    assert [after[name] for name in unmoved] == [before[name] for name in unmoved]


def test_a_mend_of_wins_between_trainings_is_in_the_scores_and_moves_no_hand_off():
    plain = two_steps(p_sql=0.4, p_win=0.2, chain=chain_summary("none"))
    mend = recalibration("level", intercept=-0.7)
    told = plain.manifest.model_copy(update={"chain": chain_summary("none").model_copy(update={"recalibration": mend})})
    before, after = (scored(lead(), one) for one in (plain, replace(plain, manifest=told)))
    assert before["p_win"] == pytest.approx(0.4 * 0.2)
    assert after["p_win"] == pytest.approx(1 / (1 + 0.92 / 0.08 * np.exp(0.7)))
    assert after["p_win_given_sql"] == pytest.approx(after["p_win"] / 0.4)
    assert after["p_sql"] == before["p_sql"]
    assert (after["grade"], after["action"]) == (before["grade"], before["action"])


def test_a_calibrator_of_wins_travels_with_the_scorer(features, release):
    calibrator = fit_win_calibrator("sigmoid", leads_with_wins(2_000, intercept=1.0))
    told = release.manifest.model_copy(update={"chain": chain_summary("sigmoid")})
    mended = ScoringRelease(told, release.transitions, win_calibrator=calibrator)
    scorer = BatchScorer(mended, settings=SETTINGS, thresholds=THRESHOLDS)
    rows = features.table.order_by("lead_id").to_pyarrow()
    assert pickle.loads(pickle.dumps(scorer))(rows).equals(scorer(rows))  # noqa: S301  our own object
