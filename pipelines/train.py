"""Checked history in, a release in MLflow out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.check import open_checked
from data_contracts.configuration import Configuration
from data_contracts.errors import ReleaseError
from data_contracts.gate import ChampionComparison, GateVerdict
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.past import past_leads
from models.chain_train import train_chain
from models.champion import compare_with_champion
from models.fitted import ScoringRelease
from models.release import assemble_release, inputs_of
from models.thresholds import PAST_WEEKS
from models.train import train_transition
from pipelines.amounts import learn_amounts_of_wins
from pipelines.clock import now
from pipelines.definitions import keep_definitions
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared, registry_of
from pipelines.leaks import find_leaks, gather_evidence
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table
from pipelines.thresholds import with_policy_in_force


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a training made.

    Attributes
    ----------
    version
        Under which the release is recorded.
    verdict
        What the gate said of it.
    comparison
        How it stands against the release that was in force; None where none was, or it could not be loaded.
    n_read_before
        Other releases that were judged on the same history before: each has read its test leads.
    """

    version: str
    release: ScoringRelease
    verdict: GateVerdict
    comparison: ChampionComparison | None = None
    n_read_before: int = 0

    @property
    def is_promoted(self) -> bool:
        """Whether it is in production: let through now, or in force before this training, whatever the gate says."""
        return self.verdict.allows or self.verdict.champion_id == self.release.manifest.release_id

    @property
    def held_back_because(self) -> str | None:
        """All reasons why it is not in production; None where it is."""
        return None if self.is_promoted else "; ".join(self.verdict.reasons)


def train_release(
    settings: Settings,
    *,
    created_at: dt.datetime,
    by: str,
    test_from: dt.datetime | None = None,
    run: RunStep = directly,
    say: Say = silent,
    warn: Say = silent,
) -> TrainingRun:
    """A new release, registered as candidate and promoted where the gate lets it through.

    It is trained under the settings, and stays a candidate where those differ from the configuration in force. Its
    first thresholds are chosen for the policy in force, and for that of the settings where none is.

    `by` is who trains, for the history of what was in force. `test_from` (UTC, naive) fixes the first day of the test
    leads; by default the latest 25 % of the leads are the test. `warn` is told what a person should know.

    Raises `TooFewOutcomesError` where a transition has too little to learn from, `SourceError` where the checked
    history lacks an attribute of the settings, and `SettingsError` where the version of their definitions means
    something else already.
    """
    store = Store.of(settings)
    refuse_redeclared(settings, warn=warn)
    settings = with_policy_in_force(settings, warn=warn)
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
        amounts = run(learn_amounts_of_wins, checked.history, tables)
        past = run(past_leads, engine, checked.history, settings, weeks=PAST_WEEKS)
        inputs = inputs_of(checked.history, settings, tables=tables, test_from=test_from)
    with registry_of(store).training(inputs, Configuration.of(settings)) as run_id:
        fitted = {
            transition: run(
                train_transition,
                table,
                definitions=settings.definitions,
                leads_per_week=settings.policy.leads_per_week,
                test_from=test_from,
                say=say,
            )
            for transition, table in tables.items()
        }
        fitted = {
            transition: model.looked_through(
                run(find_leaks, tables[transition], evidence[transition], settings, say=say)
            )
            for transition, model in fitted.items()
        }
        chain = run(train_chain, tables, fitted, definitions=settings.definitions, say=say)
        release = run(
            assemble_release,
            settings,
            inputs=inputs,
            tables=tables,
            fitted=fitted,
            amounts=amounts,
            created_at=created_at,
            past=past,
            chain=chain,
        )
        say("recording the release in MLflow")
        version = run(record_release, release, tables=tables, store=store, run_id=run_id)
    champion = run(load_champion, release, store=store, warn=warn)
    comparison = run(compare_with_champion, release, champion, tables=tables, say=say) if champion else None
    verdict = run(pass_gate, version, comparison, store=store, by=by)
    return TrainingRun(version, release, verdict, comparison, n_read_before=run(times_read, release, store=store))


def record_release(
    release: ScoringRelease, *, tables: Mapping[Transition, LabelledTable], store: Store, run_id: str | None = None
) -> str:
    """The version under which `release` is a candidate now, in the run `run_id` where one was opened for it."""
    samples = {transition: table.labelled() for transition, table in tables.items()}
    return registry_of(store).record(release, samples=samples, run_id=run_id).version


def times_read(release: ScoringRelease, *, store: Store) -> int:
    """How many other recorded releases were judged on the history of `release`, and so on its test leads."""
    manifest = release.manifest
    same = (known for known in registry_of(store).versions() if known.data_fingerprint == manifest.data_fingerprint)
    return sum(known.release_id != manifest.release_id for known in same)


def load_champion(candidate: ScoringRelease, *, store: Store, warn: Say = silent) -> ScoringRelease | None:
    """The release in force; None where it is `candidate` itself, none is, or it cannot be loaded, which `warn` says."""
    try:
        champion = registry_of(store).in_force()
    except ReleaseError as error:
        warn(f"the release in force cannot be compared with: {error}")
        return None
    if champion is not None and champion.manifest.release_id == candidate.manifest.release_id:
        return None
    return champion


def pass_gate(version: str, comparison: ChampionComparison | None, *, store: Store, by: str) -> GateVerdict:
    """What the gate says of the release under `version`, which is in production now where it was let through."""
    return registry_of(store).promote_by_rule(version, comparison=comparison, at=now(), by=by)
