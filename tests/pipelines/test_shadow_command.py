"""`leadscore shadow` as a user calls it; and that noise after a week changes no list up to then."""

import csv
import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from data_contracts.check import open_checked
from data_contracts.errors import TooFewOutcomesError
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings, load_settings
from data_contracts.shadow import ShadowReport
from data_contracts.vocabulary import Stage
from pipelines import display
from pipelines.cli import app
from pipelines.ingest import ingest_history
from pipelines.shadow import AskedWeeks, first_training, hand_offs_of
from pipelines.shadow_files import write_shadow
from pipelines.store import Store
from serving.shadow_lists import HandOffs
from serving.shadow_rule import old_rule
from simulation import simulate
from tests.example_release import fitted
from tests.example_shadow import shadow_report

ROOT = Path(__file__).parents[2]
WEEKS, NOISE_AFTER = 4, 3
TOLD = ["lead_id", "week", "as_of", "p_first", "ranking_value", "boundary"]
TOO_FEW, SETTINGS_ERROR = 6, 3


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A working folder with a small checked history."""
    folder = tmp_path_factory.mktemp("shadow")
    shutil.copytree(ROOT / "config", folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=3_500, seed=5)
        ingest_history(settings)
    return folder


@pytest.fixture
def settings(work, monkeypatch) -> Settings:
    monkeypatch.chdir(work)
    return load_settings(Path("config/scoring.toml"))


def asked_of(history: CrmHistory, *, weeks: int = WEEKS) -> AskedWeeks:
    return AskedWeeks(history.extracted_at - dt.timedelta(weeks=weeks), weeks, train_every=2)


def lists(engine: Engine, history: CrmHistory, settings: Settings) -> tuple[pd.DataFrame, list[HandOffs]]:
    """What recipes are chosen on, and the lists of models of one recipe."""
    asked, rule = asked_of(history), old_rule(settings)
    first = first_training(engine, history, settings, asked)
    models = {transition: fitted(transition) for transition in first.tables}
    _, handed = hand_offs_of(engine, history, settings, rule=rule, asked=asked, first=first, fitted=models)
    return first.tables[settings.definitions.first_transition].frame, handed


def with_noise_after(engine: Engine, history: CrmHistory, moment: dt.datetime) -> CrmHistory:
    """What happened or was recorded from `moment` on happens to others, at random: leads, activities, outcomes."""
    random, tables = np.random.default_rng(0), dict(history.tables)
    for name, times, shuffled in (
        ("activities", ["occurred_at", "recorded_at"], ["lead_id", "kind"]),
        ("stage_changes", ["entered_at", "recorded_at"], ["lead_id"]),
        ("opportunities", ["closed_at"], ["amount"]),
        ("attribute_changes", ["changed_at"], ["new_value"]),
    ):
        rows = tables[name].to_pyarrow().to_pandas()
        is_later = (rows[times].max(axis=1) >= pd.Timestamp(moment)).to_numpy()
        for column in shuffled:
            values = rows[column].to_numpy(copy=True)
            values[is_later] = random.permutation(values[is_later])
            rows[column] = values
        if name == "stage_changes":
            rows.loc[is_later, "stage"] = random.choice([str(stage) for stage in Stage], int(is_later.sum()))
        schema = tables[name].schema().to_pyarrow()
        tables[name] = engine.keep_for_now(f"noisy_{name}", pa.Table.from_pandas(rows, schema=schema))
    return replace(history, tables=tables)


@pytest.mark.whole
def test_noise_after_a_week_changes_no_list_up_to_then(settings):
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        moment = history.extracted_at - dt.timedelta(weeks=WEEKS - NOISE_AFTER)
        learnt, before = lists(engine, history, settings)
        learnt_with_noise, after = lists(engine, with_noise_after(engine, history, moment), settings)
    pd.testing.assert_frame_equal(learnt, learnt_with_noise)
    is_seen = False
    for one, other in zip(before, after, strict=True):
        for name in ("rule", "model"):
            told, noisy = (getattr(each, name)[TOLD] for each in (one, other))
            then, noisy_then = (each[each["week"] < NOISE_AFTER].reset_index(drop=True) for each in (told, noisy))
            assert (then["week"] >= 0).sum() > 5
            pd.testing.assert_frame_equal(then, noisy_then)
            is_seen |= not told.equals(noisy)
    assert is_seen, "in the week after"


@pytest.mark.whole
def test_a_history_that_is_too_short_says_how_many_weeks_are_possible(settings):
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        with pytest.raises(TooFewOutcomesError, match=r"by \d{4}-.*weeks are possible: --weeks \d+") as found:
            first_training(engine, history, settings, asked_of(history, weeks=80))
        possible = int(str(found.value).rsplit(" ", 1)[-1])
        first_training(engine, history, settings, asked_of(history, weeks=possible))


@pytest.mark.slow
def test_the_command_prints_a_report_and_keeps_its_lists(settings):
    result = CliRunner().invoke(app, ["shadow", "--weeks", "4", "--rule", "crm", "--until", "2026-05-15", "--json"])
    assert result.exit_code == 0, result.output
    told = ShadowReport.model_validate_json(json.dumps(json.loads(result.stdout)), strict=False)
    equal = told.comparison("equal_volume")
    assert told.rule.kind == "crm"
    assert equal.rule_leads == equal.model_leads > 0
    assert equal.figures[0].n_weeks == 4
    kept = Store.of(settings).shadow
    assert (kept / "verdict.txt").read_text(encoding="utf-8").strip() == told.verdict
    with (kept / "leads_equal_volume.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counted = {name: sum(row["list"] == name for row in rows) for name in ("both", "only the rule", "only the model")}
    assert counted == {"both": equal.n_both, "only the rule": equal.n_only_rule, "only the model": equal.n_only_model}
    assert all(bool(row["model_boundary"]) == (row["list"] != "only the rule") for row in rows)


@pytest.mark.whole
def test_weeks_after_the_extract_and_rules_that_cannot_be_read_are_refused(settings):
    for arguments, complaint in (
        (["--until", "2026-08-01"], "lies after the extract of 2026-06-30"),
        (["--rule", "size >= 50"], "which is not declared"),
    ):
        result = CliRunner().invoke(app, ["shadow", *arguments])
        assert result.exit_code == SETTINGS_ERROR
        assert complaint in result.output


def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(tmp_path):
    side = pd.DataFrame(
        {
            "lead_id": ["=1+1"], "week": [0], "team": ["@sales"], "as_of": [dt.datetime(2026, 5, 2)],
            "point_rule_points": [-1.5], "p_first": [0.25], "ranking_value": [0.25], "boundary": [0.2],
            "outcome": ["converted"], "won_outcome": ["censored"], "revenue": [0.0],
        }
    )  # fmt: skip
    store = Store(tmp_path / "store", histories=None)
    write_shadow(store, shadow_report(), [HandOffs("equal_volume", side, side)])
    text = (store.shadow / "leads_equal_volume.csv").read_text(encoding="utf-8")
    assert '"\'=1+1"' in text
    assert '"\'@sales"' in text
    assert '"-1.5"' in text


def test_the_verdict_comes_before_the_tables(tmp_path, capsys):
    display.shadow(shadow_report(), Store(tmp_path, histories=None), as_json=False)
    shown = capsys.readouterr().out
    assert shown.startswith("The model *probably* does better.")
    assert shown.index("leave: only the rule") < shown.index("at worst for the model")
    assert "1 of 2" in shown
    assert "-5.0 [-8.0, -2.0]" in shown
