"""What commands print for people."""

import datetime as dt
import json
from pathlib import Path

from data_contracts.history import CheckReport
from data_contracts.settings import load_settings
from data_contracts.vocabulary import Transition
from models.gate import may_promote
from models.versions import ReleaseVersion
from pipelines import display
from pipelines.report import training_warnings
from pipelines.train import TrainingRun
from tests.data_contracts.test_contact_records import report as contact_report
from tests.example_release import backtest, base_rate, calibration, chain_summary, evaluation, fitted, release_of
from tests.models.test_gate import CHAMPION, champion, compared, in_use

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def test_a_check_says_what_the_source_lacks(capsys):
    report = CheckReport(
        source="ours",
        extracted_at=dt.datetime(2026, 5, 1),
        definitions_version="2026.1",
        fingerprint="f1",
        tables=(),
        warnings=("leads: left out, because nobody declared them: rating",),
        verdicts=(),
        absent=(),
    )
    settings = load_settings(Path(__file__).parents[2] / "config" / "scoring.toml")
    display.check_report(report, settings, as_json=False)
    assert capsys.readouterr().err == "! leads: left out, because nobody declared them: rating\n"


def test_training_warns_of_everything_once(capsys):
    release = release_of({SQL: fitted(SQL), WIN: base_rate(WIN)})
    display.training(TrainingRun("3", release, may_promote(release.manifest, None)), as_json=False)
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"! {warning}" for warning in training_warnings(release.manifest)]
    assert "our model (logistic regression)" in shown.out


def test_training_says_whom_sales_contacted(capsys):
    release = release_of(
        {SQL: fitted(SQL).knowing(contact=contact_report(), calibration=calibration()), WIN: base_rate(WIN)}
    )
    display.training(TrainingRun("3", release, may_promote(release.manifest, None)), as_json=False)
    shown = capsys.readouterr().out
    assert "mql_to_sql: sales contacted 30 % of 1,000 leads; for 7 % of all leads no labelled lead" in shown
    assert "sql_to_win: sales contacted" not in shown, "sales has spoken to every SQL"
    assert "mql_to_sql: 1 of 2 groups of test leads were given probabilities that are off" in shown


def test_a_backtest_warns_below_each_window_without_signal(capsys):
    folds = (evaluation(SQL, model="lightgbm"), evaluation(SQL, model="lightgbm", gain=0.0))
    display.backtests({SQL: backtest(*folds)}, as_json=False)
    assert capsys.readouterr().err.count("no gain over the base rate by age can be told from chance") == 1


def test_a_backtest_shows_every_month_and_the_groups_that_are_off(capsys):
    display.backtests({SQL: backtest(evaluation(SQL, model="lightgbm"))}, as_json=False)
    _, months, off = capsys.readouterr().out.rsplit("mql_to_sql", 2)
    assert "all windows by month" in months
    assert "2026-06" in months
    assert "1 of 2 groups of test leads were given probabilities that are off" in off
    assert "referral" in off
    assert "2026-06" not in off


def test_a_backtest_as_json_has_windows_and_all_groups(capsys):
    display.backtests({SQL: backtest(evaluation(SQL, model="lightgbm"))}, as_json=True)
    told = json.loads(capsys.readouterr().out)["mql_to_sql"]
    assert [window["test_from"] for window in told["windows"]] == ["2026-01-01T00:00:00"]
    assert [(group["by"], group["gain"]["value"]) for group in told["groups"]] == [("month", 0.02), ("source", -0.03)]


def test_a_small_base_rate_is_not_0(capsys):
    rare = evaluation(SQL, model="lightgbm").model_copy(update={"test_base_rate": 0.0004, "train_base_rate": 0.0021})
    display.backtests({SQL: backtest(rare)}, as_json=False)
    assert "base rate 0.0004 (training 0.0021)" in capsys.readouterr().out


def test_what_is_missing_in_a_refused_row_is_left_empty(capsys):
    display.quarantined([{"table": "leads", "row_key": None, "reason": "lead_id is missing"}], as_json=False)  # type: ignore[dict-item]
    assert "None" not in capsys.readouterr().out


def test_releases_are_told_to_the_minute_in_utc(capsys):
    version = ReleaseVersion(
        "1",
        "r1",
        "2026.1",
        "f1",
        dt.datetime(2026, 5, 1, 6, 30, 59, 273_000),
        ("candidate",),
        "run",
        held_back_because="",
        promoted_because="",
        promoted_at=None,
    )
    display.releases([version], [], as_json=False)
    assert "2026-05-01 06:30 UTC" in capsys.readouterr().out


def test_training_shows_how_good_a_win_is_told_before_sql(capsys):
    release = release_of({SQL: fitted(SQL), WIN: base_rate(WIN)}, chain=chain_summary("sigmoid"))
    display.training(TrainingRun("3", release, may_promote(release.manifest, None)), as_json=False)
    assert "p_win before SQL, held against wins" in capsys.readouterr().out


def test_training_shows_both_recipes_the_champion_in_use_and_the_verdict(capsys):
    release = release_of({SQL: fitted(SQL), WIN: base_rate(WIN)})
    against = compared(low=0.001, high=0.019, in_use=(in_use(), in_use(n=99)))
    verdict = may_promote(release.manifest, champion(), comparison=against)
    display.training(TrainingRun("3", release, verdict, against), as_json=False)
    shown = capsys.readouterr().out
    assert f"recipes against that of {CHAMPION}: log loss of ours less the champion's" in shown
    assert "0.0100 [0.0010, 0.0190]" in shown
    assert f"{CHAMPION} as published, on leads that entered later" in shown
    assert "the champion in use is not judged yet, as 99 leads that converted" in shown
    assert "against 2026-04-01-champion: held back" in shown
    display.training(TrainingRun("3", release, verdict, against), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["comparison"]["recipes"][1]["at_acting_age"] == {"value": 0.01, "low": 0.001, "high": 0.019}
    assert told["held_back_because"] == "; ".join(verdict.reasons)
