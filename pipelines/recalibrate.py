"""Checked history and the release in production in, a release with mended probabilities out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.check import open_checked
from data_contracts.errors import TooFewOutcomesError
from data_contracts.gate import GateVerdict
from data_contracts.progress import Say, silent
from data_contracts.recalibration import Recalibration
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Stage, Transition
from features.outcomes import value_of_a_win
from models.fitted import FittedTransition, ScoringRelease
from models.recalibrate import mend_in_use, recalibrated
from models.release import assemble_release, inputs_of
from models.versions import PRODUCTION
from pipelines.in_force import load_under_own_configuration, refuse_lacking_attributes
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table
from pipelines.train import pass_gate, record_release


@dataclass(frozen=True, slots=True)
class RecalibrationRun:
    """What later outcomes said of the release in production, and the release that was made of it.

    Attributes
    ----------
    parent_id
        The release that was in production.
    told
        By transition, what its later leads said.
    left
        By transition, why nothing could be said.
    version, release_id, verdict
        Of the release that was made, and what the gate said of it; None where nothing had to be changed.
    """

    parent_id: str
    told: Mapping[Transition, Recalibration]
    left: Mapping[Transition, str]
    version: str | None
    release_id: str | None
    verdict: GateVerdict | None


def recalibrate(
    settings: Settings,
    *,
    created_at: dt.datetime,
    by: str,
    run: RunStep = directly,
    say: Say = silent,
) -> RecalibrationRun:
    """The release in production with the level, or the level and slope, that leads since its training ask for.

    It works under the configuration in force. A release is made where a transition asks for another mend than it has,
    with the release in production as its parent; it goes into force where the gate lets it through.

    Raises `ReleaseError` where no release is in production, or the features are computed otherwise than when it was
    made, and `SourceError` where the checked history lacks an attribute that it reads.
    """
    parent, own = load_under_own_configuration(PRODUCTION, settings)
    store = Store.of(own)
    with store.open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, own)
        tables = {
            transition: run(build_table, engine, history, own, transition=transition, say=say)
            for transition in parent.transitions
        }
        value = run(value_of_a_win, history)
        inputs = inputs_of(history, own, tables=tables, parent=parent.manifest.as_parent)
    fitted, left = _mended(parent, tables, settings=own, run=run, say=say)
    told = {
        transition: model.summary.recalibration
        for transition, model in fitted.items()
        if transition not in left and model.summary.recalibration is not None
    }
    if all(mend_in_use(fitted[each]) == mend_in_use(parent.transitions[each]) for each in fitted):
        return RecalibrationRun(parent.manifest.release_id, told, left, None, None, None)
    release = assemble_release(
        own,
        inputs=inputs,
        tables=tables,
        fitted=fitted,
        value_of_a_win=value,
        created_at=created_at,
        chain=parent.chain,
    )
    say("recording the release in MLflow")
    version = run(record_release, release, tables=tables, store=store)
    verdict = run(pass_gate, version, None, store=store, by=by)
    return RecalibrationRun(parent.manifest.release_id, told, left, version, release.manifest.release_id, verdict)


def _mended(
    parent: ScoringRelease, tables: Mapping[Transition, LabelledTable], *, settings: Settings, run: RunStep, say: Say
) -> tuple[dict[Transition, FittedTransition], dict[Transition, str]]:
    """The parent's models, mended where later leads were enough; and by transition, why they were not."""
    fitted, left = dict(parent.transitions), {}
    for transition, table in tables.items():
        boundaries = settings.definitions.icp.fit_boundaries if transition.from_stage is Stage.MQL else None
        since = parent.manifest.trained_on
        try:
            fitted[transition] = run(
                recalibrated, parent.transitions[transition], table, since=since, fit_boundaries=boundaries
            )
        except TooFewOutcomesError as error:
            left[transition] = str(error)
            say(f"{error}")
    return fitted, left
