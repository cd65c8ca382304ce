"""Checked history in, a release in MLflow out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.check import open_checked
from data_contracts.configuration import Configuration
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.outcomes import value_of_a_win
from models.chain_train import train_chain
from models.fitted import ScoringRelease
from models.release import assemble_release, inputs_of
from models.train import train_transition
from models.versions import ReleaseVersion
from pipelines.clock import now
from pipelines.definitions import keep_definitions
from pipelines.in_force import load_under_own_configuration, refuse_lacking_attributes, refuse_redeclared, registry_of
from pipelines.leaks import find_leaks, gather_evidence
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a training made: the registered version, the release, and whether and why not it went to production."""

    version: str
    release: ScoringRelease
    is_promoted: bool
    held_back_because: str | None


def train_release(
    settings: Settings,
    *,
    created_at: dt.datetime,
    test_from: dt.datetime | None = None,
    run: RunStep = directly,
    say: Say = silent,
    warn: Say = silent,
) -> TrainingRun:
    """A new release, registered as candidate and promoted where the promotion rule allows.

    It is trained under the settings, and stays a candidate where those differ from the configuration in force.

    `test_from` (UTC, naive) fixes the first day of the test leads; by default the latest 25 % of the leads are the
    test. `warn` is told what a person should know.

    Raises `TooFewOutcomesError` where a transition has too little to learn from, `SourceError` where the checked
    history lacks an attribute of the settings, and `SettingsError` where the version of their definitions means
    something else already.
    """
    store = Store.of(settings)
    refuse_redeclared(settings, warn=warn)
    with store.open_history() as engine:
        checked = open_checked(engine)
        refuse_lacking_attributes(checked.history, settings)
        keep_definitions(store.folder, settings.definitions, by="leadscore train")
        tables = {
            transition: run(build_table, engine, checked.history, settings, transition=transition, say=say)
            for transition in settings.definitions.transitions
        }
        evidence = {
            transition: run(gather_evidence, checked.history, settings, transition=transition) for transition in tables
        }
        value = run(value_of_a_win, checked.history)
        inputs = inputs_of(checked.history, settings, tables=tables, test_from=test_from)
    with registry_of(store).training(inputs, Configuration.of(settings)) as run_id:
        fitted = {
            transition: run(train_transition, table, definitions=settings.definitions, test_from=test_from, say=say)
            for transition, table in tables.items()
        }
        fitted = {
            transition: model.looked_through(
                run(find_leaks, tables[transition], evidence[transition], settings, say=say)
            )
            for transition, model in fitted.items()
        }
        chain = run(train_chain, tables, fitted, definitions=settings.definitions, say=say)
        release = assemble_release(
            settings,
            inputs=inputs,
            tables=tables,
            fitted=fitted,
            value_of_a_win=value,
            created_at=created_at,
            chain=chain,
        )
        say("recording the release in MLflow")
        return run(record_release, release, tables=tables, store=store, run_id=run_id)


def record_release(
    release: ScoringRelease, *, tables: Mapping[Transition, LabelledTable], store: Store, run_id: str
) -> TrainingRun:
    """The training whose `release` is now registered, and in production where the promotion rule allows.

    `run_id` is the run of MLflow that was opened for it.
    """
    registry = registry_of(store)
    samples = {transition: table.labelled() for transition, table in tables.items()}
    version = registry.record(release, samples=samples, run_id=run_id).version
    reason = registry.promote_by_rule(version, at=now())
    return TrainingRun(version=version, release=release, is_promoted=reason is None, held_back_because=reason)


def promote(settings: Settings, version: str, *, because: str, at: dt.datetime) -> ReleaseVersion:
    """Put the release under `version` into force with its configuration, because of what `because` says, at `at`.

    Raises `ReleaseError` where there is no such release, or it cannot score with this code and these settings, and
    `SettingsError` where the version of its definitions means something else already.
    """
    _, own = load_under_own_configuration(version, settings)
    keep_definitions(settings.store.folder, own.definitions, by="leadscore promote")
    return registry_of(Store.of(settings)).promote(version, because=because, at=at)
