"""The settings file may be edited, and another release promoted: the nightly run goes on under what is in force."""

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from data_contracts.configuration import Configuration
from data_contracts.errors import SettingsError, SourceError, TooFewOutcomesError
from data_contracts.settings import Settings, StoreSettings, load_settings
from data_contracts.vocabulary import Transition
from features.catalogue import catalogue_digest, features_of
from models.fitted import ScoringRelease
from models.registry import ReleaseRegistry
from pipelines.backtest import backtest
from pipelines.cli import app
from pipelines.definitions import definitions_kept, keep_definitions
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared, registry_of, settings_for_check
from pipelines.ingest import ingest_history
from pipelines.promote import USER, promote
from pipelines.store import Store
from pipelines.thresholds import publish, with_policy_in_force
from pipelines.train import times_read, train_release
from simulation import simulate
from tests.example_history import POLICY, history
from tests.example_release import base_rate, release_of, thresholds

ROOT = Path(__file__).parents[2]
AT = dt.datetime(2026, 7, 1, 6)
CONFIG = Path("config/scoring.toml")

pytestmark = pytest.mark.whole


def release_under(settings: Settings, *, release_id: str) -> ScoringRelease:
    """A release under `settings` that publishes base rates: nothing is trained for it."""
    columns = tuple(feature.column for feature in features_of(settings))
    models = {
        transition: base_rate(transition, columns=columns, horizon_days=agreed.horizon_days)
        for transition, agreed in settings.definitions.transitions.items()
    }
    return release_of(
        models,
        release_id=release_id,
        created_at=AT,
        catalogue_digest=catalogue_digest(settings),
        configuration=Configuration.of(settings),
        features=columns,
    )


def record(settings: Settings, *, release_id: str, **inputs: object) -> str:
    """The version of a release under `settings`, as a candidate, with `inputs` in the place of some of its own."""
    release = release_under(settings, release_id=release_id)
    told = release.manifest.model_copy(update={"inputs": release.manifest.inputs.model_copy(update=inputs)})
    release = replace(release, manifest=told)
    return registry_of(Store.of(settings)).record(release, samples=samples(settings)).version


def samples(settings: Settings) -> dict[Transition, pd.DataFrame]:
    """For each transition one lead of which nothing is known."""
    columns = [feature.column for feature in features_of(settings)]
    empty = pd.DataFrame({c.name: pd.Series([None], dtype="str" if c.type == "category" else "float") for c in columns})
    return dict.fromkeys(settings.definitions.transitions, empty)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr (on one line) of `leadscore` with `arguments`."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def edit(*replacements: tuple[str, str]) -> Settings:
    """The settings once the file was edited."""
    text = CONFIG.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    CONFIG.write_text(text, encoding="utf-8")
    return load_settings(CONFIG)


SHORTER = ("mql_to_sql = { horizon_days = 30 }", "mql_to_sql = { horizon_days = 21 }")
NEXT_VERSION = ('version = "2026.3"', 'version = "2026.4"')


def drop_attribute(name: str) -> Settings:
    """The settings once the attribute `name` was taken out of the file."""
    before, _, rest = CONFIG.read_text(encoding="utf-8").partition(f"[crm.attributes.{name}]\n")
    CONFIG.write_text(before + rest[rest.index("[crm.") :], encoding="utf-8")
    return load_settings(CONFIG)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A working folder with a checked export of 400 leads and a release in production."""
    folder = tmp_path_factory.mktemp("in_force") / "work"
    shutil.copytree(ROOT / "config", folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(CONFIG)
        simulate(settings.crm.data_folder, n_leads=400, seed=3)
        ingest_history(settings)
        promote(settings, record(settings, release_id="first"), because="the first", at=AT, by="ops")
    return folder


@pytest.fixture
def work(checked, tmp_path, monkeypatch) -> Settings:
    """A copy of it as the working folder; its settings."""
    shutil.copytree(checked, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return load_settings(CONFIG)


def night() -> list[tuple[int, str, str]]:
    return [run("check"), run("score", "--json"), run("publish", "--json")]


@pytest.mark.usefixtures("work")
def test_the_night_goes_on_after_a_kind_of_activity_was_renamed_and_after_a_word_was_added():
    edit(("[crm.kinds.chat]", "[crm.kinds.talk]"), ('kind = "chat"', 'kind = "talk"'))
    edit(('words = ["Call"]', 'words = ["Call", "Ring"]'))
    (checked, _, said_by_check), (scored, _, said), (published, *_) = night()
    assert (checked, scored, published) == (0, 0, 0)
    assert "reads kinds of activity that the settings file does not declare: chat" in said_by_check
    assert "crm.kinds.chat removed, crm.kinds.talk added" in said
    assert "words" not in said


@pytest.mark.usefixtures("work")
def test_the_night_goes_on_under_what_is_in_force_after_the_file_was_edited():
    drop_attribute("problem")
    edit(SHORTER)
    differing = (
        "definitions.transitions.mql_to_sql.horizon_days 30 -> 21, crm.attributes.problem removed",
        "to put the file into force, `leadscore train` and `leadscore promote`",
    )
    (checked, _, said_by_check), (scored, out, said), (published, _, said_again) = night()
    assert (checked, scored, published) == (0, 0, 0)
    assert "definitions 2026.3 are kept" in said_by_check
    assert "horizon_days 30 -> 21; raise `version`" in said_by_check
    assert json.loads(out)["release_id"] == "first"
    for part in differing:
        assert part in said
        assert part in said_again
    lead = json.loads(run("publish", "--dry-run", "--json")[1])
    assert lead["n_changed"] == 0


@pytest.mark.usefixtures("work")
def test_the_night_goes_on_after_another_release_was_promoted_and_after_it_was_taken_back(monkeypatch):
    monkeypatch.setenv(USER, "revenue operations")
    drop_attribute("problem")
    shorter = edit(SHORTER, NEXT_VERSION)
    version = record(shorter, release_id="second")
    differing = (
        "it was made under another configuration than the one in force: "
        "definitions.version 2026.3 -> 2026.4, definitions.transitions.mql_to_sql.horizon_days 30 -> 21, "
        "crm.attributes.problem removed"
    )
    assert registry_of(Store.of(shorter)).promote_by_rule(version, at=AT, by="ops").reasons == (differing,)
    forced = ("promote", "2", "--force", "--because", "both teams agreed")
    for command, made, warned in ((forced, "second", False), (("revert", "--because", "too short"), "first", True)):
        assert run(*command)[0] == 0
        (scored, out, said), (published, _, _) = run("score", "--json"), run("publish", "--json")
        assert (scored, published) == (0, 0)
        assert json.loads(out)["release_id"] == made
        assert ("the settings file differs" in said) is warned
    told = json.loads(run("releases", "--json")[1])
    assert [(entry["release_id"], entry["way"], entry["by"], entry["because"]) for entry in told["history"]] == [
        ("first", "reverted", "revenue operations", "too short"),
        ("second", "forced", "revenue operations", "both teams agreed"),
        ("first", "promoted", "ops", "the first"),
    ]
    assert told["releases"][0]["held_back_because"] == differing
    shown = run("releases")[1]
    assert "against the gate" in shown
    assert "put back" in shown


@pytest.mark.usefixtures("work")
def test_promoting_needs_a_reason_and_so_does_force():
    assert run("promote", "1")[0] == 2
    assert run("promote", "1", "--force")[0] == 2
    code, _, err = run("promote", "1", "--because", " ")
    assert code == 7
    assert "say why, because the history keeps it" in err


def test_what_does_not_pass_the_gate_is_refused_with_all_reasons_and_nothing_changes(work):
    record(work, release_id="second")
    code, _, err = run("promote", "2", "--because", "we want it")
    assert code == 12
    assert "version 2 (second) does not pass the gate: it was not compared with release first" in err
    assert '`leadscore promote 2 --force --because "..."`' in err
    assert registry_of(Store.of(work)).in_force().manifest.release_id == "first"
    code, out, err = run("promote", "2", "--force", "--because", "we want it")
    assert (code, out) == (0, "version 2 (second) is in production now: we want it\n")
    assert "overridden: it was not compared with release first" in err


@pytest.mark.usefixtures("work")
def test_there_is_nothing_to_go_back_to_after_the_first_release():
    code, _, err = run("revert", "--because", "calls go wrong")
    assert code == 7
    assert "no release was in force before the one that is now" in err


def test_a_release_that_cannot_score_with_this_code_is_not_put_back(work):
    old = record(work, release_id="old", catalogue_digest="other")
    registry = registry_of(Store.of(work))
    registry.promote(old, because="by other code", at=AT, by="ops", force=True)
    registry.promote("1", because="back", at=AT, by="ops", force=True)
    code, _, err = run("revert", "--because", "calls go wrong")
    assert code == 7
    assert "release old was made by feature catalogue other" in err
    assert registry.in_force().manifest.release_id == "first"


def test_a_release_that_cannot_score_with_this_code_is_not_promoted(work):
    record(work, release_id="old", catalogue_digest="other")
    code, _, err = run("promote", "2", "--because", "we want it")
    assert code == 7
    assert "release old was made by feature catalogue other" in err
    assert registry_of(Store.of(work)).load("production").manifest.release_id == "first"


def test_without_a_release_in_production_scoring_stops_and_says_the_two_ways_on(work):
    shutil.rmtree(work.store.folder / "mlflow_artefacts")
    (work.store.folder / "mlflow.db").unlink()
    record(work, release_id="only")
    (scored, _, said), (published, _, _) = run("score"), run("publish")
    assert (scored, published) == (7, 8)
    assert "no release is in production; the candidate is version 1 (only)" in said
    assert 'leadscore promote 1 --because "..."' in said
    assert run("score", "--release", "candidate")[0] == 0


def test_an_attribute_declared_as_something_else_is_kept_as_the_release_in_force_reads_it(work):
    number = (
        '[crm.attributes.problem]\ntable = "leads"\ntype = "category"',
        '[crm.attributes.problem]\ntable = "leads"\ntype = "number"',
    )
    edited, told = edit(number), []
    kept = settings_for_check(edited, warn=told.append)
    assert kept.crm.attributes["problem"] == work.crm.attributes["problem"]
    (line,) = told
    assert "crm.attributes.problem is a number of leads in the settings file, and a category of leads to" in line
    with pytest.raises(SettingsError, match=r"crm\.attributes\.problem is a number .* give it another name"):
        refuse_redeclared(edited, warn=told.append)


def test_the_check_keeps_the_attributes_of_both(work):
    edited = drop_attribute("problem")
    kept = settings_for_check(edited, warn=pytest.fail)
    assert set(kept.crm.attributes) == set(work.crm.attributes)
    assert kept.definitions == edited.definitions


def test_the_check_goes_on_with_the_file_s_attributes_where_nothing_can_be_read(work, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    edited, told = drop_attribute("problem"), []
    assert settings_for_check(edited, warn=told.append) == edited
    (line,) = told
    assert "only the settings file counts: the MLflow server at http://127.0.0.1:9 does not answer" in line
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (work.store.folder / "mlflow.db").write_bytes(b"garbage" * 1000)
    assert settings_for_check(edited, warn=told.append) == edited
    assert "holds no MLflow store that can be read" in told[1]


def test_a_history_without_an_attribute_that_is_needed_asks_for_a_check(work):
    with pytest.raises(SourceError, match=r"was made without .*leads\.problem.*; run `leadscore check` again"):
        refuse_lacking_attributes(history({}), work)


def test_a_training_goes_on_under_the_policy_in_force_until_another_is_published(work):
    told: list[str] = []
    assert with_policy_in_force(work, warn=told.append).policy == POLICY != work.policy
    assert told == [
        "policy 2026.1 is in force and the settings file holds another (2026.1): to put it into force, "
        "`leadscore thresholds --publish`"
    ]
    release_id = registry_of(Store.of(work)).manifest_in_force().release_id
    chosen = thresholds(policy=work.policy).model_copy(update={"release_id": release_id})
    publish(work, chosen, because="agreed", at=AT, by="ops")
    assert with_policy_in_force(work, warn=told.append).policy == work.policy
    assert len(told) == 1, "nothing differs any more"


def test_before_anything_is_in_force_the_policy_is_that_of_the_file(tmp_path, work):
    fresh = work.model_copy(update={"store": StoreSettings(folder=tmp_path / "fresh")})
    assert with_policy_in_force(fresh).policy == work.policy


def test_nothing_is_made_in_the_store_by_asking_what_is_in_force(tmp_path, work):
    nowhere = work.model_copy(update={"store": StoreSettings(folder=tmp_path / "nowhere")})
    assert settings_for_check(nowhere, warn=pytest.fail) == nowhere
    assert not (tmp_path / "nowhere").exists()
    assert ReleaseRegistry(f"sqlite:///{tmp_path / 'nowhere' / 'mlflow.db'}").versions() == ()


def test_nothing_is_trained_backtested_or_promoted_under_a_version_that_means_something_else(work):
    twice = edit(SHORTER)
    version = record(twice, release_id="second")
    told = r"definitions 2026\.3 are kept in .*horizon_days 30 -> 21; raise `version`"
    with pytest.raises(SettingsError, match=told):
        train_release(twice, created_at=AT, by="ops")
    with pytest.raises(SettingsError, match=told):
        backtest(twice)
    code, _, err = run("promote", version, "--because", "both teams agreed")
    assert code == 3
    assert "raise `version`" in err
    assert registry_of(Store.of(twice)).load("production").manifest.release_id == "first"


def test_no_scores_are_made_under_a_version_that_means_something_else(work):
    version = record(edit(SHORTER), release_id="second")
    before = list(work.store.folder.iterdir())
    code, _, err = run("score", "--release", version)
    assert code == 3
    assert "horizon_days 30 -> 21" in err
    assert list(work.store.folder.iterdir()) == before


def test_scores_keep_the_definitions_of_their_release_and_a_check_of_an_edited_file_none(work):
    shutil.rmtree(work.store.folder / "definitions")
    edit(SHORTER, NEXT_VERSION)
    assert run("score")[0] == 0
    assert definitions_kept(work.store.folder) == (work.definitions,)
    assert run("check")[0] == 0
    assert definitions_kept(work.store.folder) == (work.definitions,)


def test_a_training_and_a_promotion_keep_the_definitions_they_are_made_under(work):
    edited = edit(SHORTER, NEXT_VERSION)
    with pytest.raises(TooFewOutcomesError):
        train_release(edited, created_at=AT, by="ops")
    assert definitions_kept(work.store.folder)[1:] == (edited.definitions,)
    later = edit(('version = "2026.4"', 'version = "2026.5"'))
    third = record(later, release_id="third")
    assert run("promote", third, "--force", "--because", "both teams agreed")[0] == 0
    assert definitions_kept(work.store.folder)[2:] == (later.definitions,)


def test_definitions_lists_what_each_version_changed_and_shows_the_one_of_a_day_whole(work):
    later = ("effective_from = 2026-04-01", "effective_from = 2026-05-01")
    edited = edit(SHORTER, NEXT_VERSION, later)
    keep_definitions(work.store.folder, edited.definitions, by="leadscore train")
    code, out, _ = run("definitions", "--json")
    assert code == 0
    assert [(v["version"], v["effective_from"], v["changed"]) for v in json.loads(out)] == [
        ("2026.4", "2026-05-01", ["definitions.transitions.mql_to_sql.horizon_days 30 -> 21"]),
        ("2026.3", "2026-04-01", []),
    ]
    for day, agreed in (("2026-04-30", work.definitions), ("2026-05-01", edited.definitions)):
        assert json.loads(run("definitions", "--at", day, "--json")[1]) == agreed.model_dump(mode="json")
        assert (
            f"definitions {agreed.version}, effective from {agreed.effective_from}"
            in run("definitions", "--at", day)[1]
        )
    code, _, err = run("definitions", "--at", "2026-03-31")
    assert code == 3
    assert "the earliest that are kept are 2026.3, effective from 2026-04-01" in err


def test_releases_of_one_history_read_one_test(work):
    other = release_under(work, release_id="another")
    assert times_read(other, store=Store.of(work)) == 1
    record(work, release_id="another")
    assert times_read(other, store=Store.of(work)) == 1, "a release is no other one"
    elsewhere = other.manifest.inputs.model_copy(update={"data_fingerprint": "of another history"})
    told = other.manifest.model_copy(update={"inputs": elsewhere})
    assert times_read(replace(other, manifest=told), store=Store.of(work)) == 0
