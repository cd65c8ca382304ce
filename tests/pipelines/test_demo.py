"""What the demo shows around its steps, which are faked here: their own tests run them."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import ReleaseError, TooFewOutcomesError
from data_contracts.history import CheckReport
from data_contracts.scores import SCORED_LEADS_SCHEMA, PublishReceipt, ScoredLeads
from data_contracts.settings import load_settings
from data_contracts.vocabulary import Transition
from models.gate import held_back_unread, may_promote
from pipelines import demo
from pipelines.page_writing import WrittenPages
from pipelines.report import training_warnings
from pipelines.train import TrainingRun
from tests.example_calls import listed, sales
from tests.example_release import base_rate, fitted, release_of

AS_OF = dt.datetime(2026, 5, 1)
SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN
LEAD = {
    "lead_id": "L1", "account_id": "A1", "stage": "mql", "as_of": AS_OF, "p_sql": 0.41, "p_win_given_sql": 0.01,
    "p_win": 0.0041, "expected_value": 1030.9, "grade": "B2", "team": "sales", "suppressed_by": None,
    "ranking_value": 0.41, "is_eligible": True, "n_labelled_alike": 4,
    "is_extrapolated": True, "reason_1": "raises: opened pricing", "reason_2": None, "reason_3": None,
    "action": "hand_off", "respond_by_at": AS_OF, "release_id": "r1", "definitions_version": "2026.1",
    "policy_version": "2026.1",
}  # fmt: skip
RELEASE = release_of({SQL: fitted(SQL), WIN: base_rate(WIN)})
PROMOTED = TrainingRun("3", RELEASE, may_promote(RELEASE.manifest, None))
HELD_BACK = replace(
    PROMOTED, verdict=held_back_unread(RELEASE.manifest, ReleaseError("its files are not there any more"))
)


class Steps:
    """The demo's steps, each giving at once what it is told to; `scored_with` is the release that scoring asked for."""

    def __init__(self, folder: Path, made: TrainingRun | Exception):
        self.folder, self.made, self.scored_with = folder, made, None

    def simulate(self, folder, **options):
        pass

    def ingest_history(self, settings, **options):
        return CheckReport(
            "simulated",
            AS_OF,
            definitions_version="2026.1",
            fingerprint="f1",
            tables=(),
            warnings=(),
            verdicts=(),
            absent=(),
        )

    def train_release(self, settings, **options):
        if isinstance(self.made, Exception):
            raise self.made
        return self.made

    def score_open_leads(self, settings, *, release, **options):
        self.scored_with = release
        path = self.folder / "scores.parquet"
        pq.write_table(pa.Table.from_pylist([LEAD], schema=SCORED_LEADS_SCHEMA), path)
        return ScoredLeads(
            path, 1, AS_OF, release_id="r1", definitions_version="2026.1", data_fingerprint="f1", thresholds_id="t1"
        )

    def call_list_of(self, settings):
        return listed({"L1": 0.41}, at=AS_OF, thresholds=sales(45, boundary=0.3))

    def write_review(self, settings, period, day, **options):
        pass

    def write_pages(self, settings, **options):
        return WrittenPages(self.folder / "pages" / "index.html", "## Today")

    def publish_scores(self, settings, **options):
        return PublishReceipt("files", "r1", AS_OF, n_written=1, n_unchanged=0, refused={}, places=())


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    """Runs the demo on a training run and gives stdout, stderr and the steps."""

    def run(made):
        steps = Steps(tmp_path, made)
        for name in (
            "simulate",
            "ingest_history",
            "train_release",
            "score_open_leads",
            "call_list_of",
            "publish_scores",
            "write_review",
            "write_pages",
        ):
            monkeypatch.setattr(demo, name, getattr(steps, name))
        settings = load_settings(Path(__file__).parents[2] / "config" / "scoring.toml")
        demo.run_demo(settings, n_leads=3_000, seed=1, now=AS_OF)
        return *capsys.readouterr(), steps

    return run


def test_the_demo_gives_the_warnings_of_train(shown):
    _, err, _ = shown(PROMOTED)
    warnings = training_warnings(PROMOTED.release.manifest)
    assert len(warnings) == 1
    assert all(f"! {warning}\n" in err for warning in warnings)


def test_the_demo_ends_with_rule_against_model_and_the_path_of_the_pages(shown):
    out, _, steps = shown(PROMOTED)
    assert "Rule against model: " in out
    assert out.rstrip().endswith(f"(`leadscore open`): {steps.folder / 'pages' / 'index.html'}")


def test_the_chosen_model_of_each_transition_is_called_ours(shown):
    out, _, _ = shown(PROMOTED)
    assert "our model (logistic regression)" in out
    assert "our model (base rate by age)" in out


def test_the_leads_to_call_say_whether_they_are_extrapolated_and_hide_no_small_probability(shown):
    out, _, _ = shown(PROMOTED)
    (row,) = [line for line in out.splitlines() if line.startswith("L1 ")]
    assert row.split()[:8] == ["L1", "mql", "B2", "0.41", "0.004", "1,031", "yes", "2026-05-01"]
    assert "1 of 1 are extrapolated" in out


def test_a_release_in_production_is_what_the_next_commands_use(shown):
    out, err, _ = shown(PROMOTED)
    assert "is version 3: promoted to production" in out
    assert "  leadscore trace L1  " in out
    assert "the demo goes on" not in err


def test_the_demo_goes_on_with_a_release_that_is_held_back_and_says_so(shown):
    out, err, steps = shown(HELD_BACK)
    assert (
        "a candidate, held back because the release in force cannot be read and compared with: its files are not there"
        in out
    )
    assert "the demo goes on with version 3 all the same" in err
    assert steps.scored_with == "3"
    assert "  leadscore trace L1 --release 3  " in out


def test_the_mlflow_server_it_names_reports_to_nobody(shown):
    out, _, _ = shown(PROMOTED)
    assert "  MLFLOW_DISABLE_TELEMETRY=true mlflow server --backend-store-uri sqlite:///" in out


def test_a_simulation_that_is_too_small_to_learn_from_says_how_to_make_it_larger(shown):
    too_few = TooFewOutcomesError("sql_to_win", what="leads that converted", found=55, needed=100, hint="wait")
    with pytest.raises(TooFewOutcomesError, match="simulate more than 3,000 leads with --leads"):
        shown(too_few)
