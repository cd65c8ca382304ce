"""Checked history in, a release in MLflow out."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.history import CheckedHistory, CrmHistory
from data_contracts.releases import Evaluation, ReleaseManifest
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.build import build_training_table
from features.value import value_of_a_win
from models.fitted import FittedTransition, ScoringRelease
from models.registry import ReleaseRegistry
from models.thresholds import choose_thresholds
from models.train import backtest_transition, train_transition
from pipelines.steps import RunStep, Say, directly, silent
from pipelines.store import Store


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
) -> TrainingRun:
    """A new release, registered as candidate and promoted where the promotion rule allows.

    `test_from` (UTC, naive) fixes the first day of the test leads; by default the latest 25 % of the leads are the
    test. Raises `TooFewOutcomesError` where a transition has too little to learn from.
    """
    store = Store.of(settings)
    with store.checked_history() as checked:
        tables = {
            transition: run(build_table, checked.history, settings, transition=transition, say=say)
            for transition in settings.definitions.transitions
        }
        value = run(value_of_a_win, checked.history)
    fitted = {
        transition: run(fit_table, table, settings, test_from=test_from, say=say)
        for transition, table in tables.items()
    }
    release = assemble_release(checked, settings, tables=tables, fitted=fitted, value=value, created_at=created_at)
    say("recording the release in MLflow")
    return run(record_release, release, tables=tables, store=store)


def record_release(release: ScoringRelease, *, tables: Mapping[Transition, LabelledTable], store: Store) -> TrainingRun:
    """The training run whose `release` is now registered, and in production where the promotion rule allows."""
    registry = registry_of(store)
    samples = {transition: table.labelled() for transition, table in tables.items()}
    version = registry.record(release, samples=samples).version
    reason = registry.promote_by_rule(version)
    return TrainingRun(version=version, release=release, is_promoted=reason is None, held_back_because=reason)


def registry_of(store: Store) -> ReleaseRegistry:
    """The releases of `store`."""
    return ReleaseRegistry(store.tracking_uri, artifact_folder=store.artefacts)


def build_table(history: CrmHistory, settings: Settings, *, transition: Transition, say: Say = silent) -> LabelledTable:
    """The labelled table of `transition`, with a line on what was learnt from and what was left out."""
    say(f"{transition}: features as they were known")
    table = build_training_table(history, settings, transition=transition)
    counts = ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in table.counts.items())
    say(f"{transition}: snapshots {counts}")
    return table


def fit_table(
    table: LabelledTable, settings: Settings, *, test_from: dt.datetime | None = None, say: Say = silent
) -> FittedTransition:
    """The calibrated model of the table's transition, evaluated on its latest leads."""
    return train_transition(table, definitions=settings.definitions, test_from=test_from, progress=say)


def backtest_table(
    table: LabelledTable, settings: Settings, *, n_folds: int, say: Say = silent
) -> tuple[Evaluation, ...]:
    """One evaluation a fold: trained on what was known before the fold, judged on the fold."""
    return backtest_transition(table, definitions=settings.definitions, n_folds=n_folds, progress=say)


def assemble_release(
    checked: CheckedHistory,
    settings: Settings,
    *,
    tables: Mapping[Transition, LabelledTable],
    fitted: Mapping[Transition, FittedTransition],
    value: float,
    created_at: dt.datetime,
) -> ScoringRelease:
    """The release of `fitted`. Its id is made from everything that went in: the same inputs give the same id."""
    definitions = settings.definitions
    first = definitions.first_transition
    thresholds = choose_thresholds(fitted[first], tables[first], definitions=definitions)
    table = tables[first]
    as_of = checked.history.extracted_at
    content = "|".join(
        [checked.history.fingerprint, definitions.digest, table.catalogue_digest]
        + [summary.summary.model_dump_json() for summary in fitted.values()]
    )
    manifest = ReleaseManifest(
        release_id=f"{as_of:%Y-%m-%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}",
        created_at=created_at,
        source=settings.crm.source,
        as_of=as_of,
        data_fingerprint=checked.history.fingerprint,
        definitions_version=definitions.version,
        definitions_digest=definitions.digest,
        catalogue_digest=table.catalogue_digest,
        features=table.columns,
        transitions=tuple(model.summary for model in fitted.values()),
        thresholds=thresholds,
        value_of_a_win=value,
        currency=settings.crm.currency,
    )
    return ScoringRelease(manifest=manifest, transitions=fitted)
