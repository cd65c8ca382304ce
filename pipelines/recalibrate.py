"""Checked history and the release in production in, a release with mended probabilities out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.check import open_checked
from data_contracts.errors import TooFewOutcomesError
from data_contracts.gate import GateVerdict
from data_contracts.progress import Say, silent
from data_contracts.recalibration import P_WIN_BEFORE_SQL, Recalibration
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Stage, Transition
from features.past import past_leads
from models.chain_links import STEPS
from models.fitted import FittedChain, FittedTransition, ScoringRelease
from models.recalibrate import mend_in_use, recalibrated, recalibrated_chain
from models.release import assemble_release, inputs_of
from models.thresholds import PAST_WEEKS
from models.versions import PRODUCTION
from pipelines.amounts import learn_amounts_of_wins
from pipelines.in_force import load_under_own_configuration, refuse_lacking_attributes
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table
from pipelines.thresholds import with_policy_in_force
from pipelines.train import pass_gate, record_release

NEVER_JUDGED = "its training held it against no wins, as too few were known; it is the product of the transitions"


@dataclass(frozen=True, slots=True)
class RecalibrationRun:
    """What later outcomes said of the release in production, and the release that was made of it.

    Attributes
    ----------
    parent_id
        The release that was in production.
    told
        By transition, and for `P_WIN_BEFORE_SQL`, what its later leads said.
    left
        The same, why nothing could be said.
    version, release_id, verdict
        Of the release that was made, and what the gate said of it; None where nothing had to be changed.
    """

    parent_id: str
    told: Mapping[str, Recalibration]
    left: Mapping[str, str]
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

    It works under the configuration in force. A release is made where a transition, or the probability of a win before
    SQL, asks for another mend than it has, with the release in production as its parent; it goes into force where the
    gate lets it through.

    Raises `ReleaseError` where no release is in production, or the features are computed otherwise than when it was
    made, and `SourceError` where the checked history lacks an attribute that it reads.
    """
    parent, own = load_under_own_configuration(PRODUCTION, with_policy_in_force(settings, warn=say))
    store = Store.of(own)
    with store.open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, own)
        tables = {
            transition: run(build_table, engine, history, own, transition=transition, say=say)
            for transition in parent.transitions
        }
        amounts = run(learn_amounts_of_wins, history, tables)
        past = run(past_leads, engine, history, own, weeks=PAST_WEEKS)
        inputs = inputs_of(history, own, tables=tables, parent=parent.manifest.as_parent)
    mended = _mended(parent, tables, settings=own, run=run, say=say)
    told, parent_id = mended.told, parent.manifest.release_id
    if mended.is_as_before(parent):
        return RecalibrationRun(parent_id, told, mended.left, None, None, None)
    release = run(
        assemble_release,
        own,
        inputs=inputs,
        tables=tables,
        fitted=mended.transitions,
        amounts=amounts,
        created_at=created_at,
        past=past,
        chain=mended.chain,
    )
    say("recording the release in MLflow")
    version = run(record_release, release, tables=tables, store=store)
    verdict = run(pass_gate, version, None, store=store, by=by)
    return RecalibrationRun(parent_id, told, mended.left, version, release.manifest.release_id, verdict)


@dataclass(frozen=True, slots=True)
class _Mended:
    """What a release publishes by, mended where later leads were enough; and why what could not be judged was not."""

    transitions: Mapping[Transition, FittedTransition]
    chain: FittedChain | None
    left: Mapping[str, str]

    @property
    def told(self) -> dict[str, Recalibration]:
        """What the later leads of each transition said, and wins of leads before SQL."""
        by_name = {str(name): model.summary.recalibration for name, model in self.transitions.items()}
        if self.chain is not None:
            by_name[P_WIN_BEFORE_SQL] = self.chain.summary.recalibration
        return {name: told for name, told in by_name.items() if told is not None and name not in self.left}

    def is_as_before(self, parent: ScoringRelease) -> bool:
        """Whether `parent` has all these mends already."""
        if self.chain and parent.chain and mend_in_use(self.chain) != mend_in_use(parent.chain):
            return False
        return all(mend_in_use(now) == mend_in_use(parent.transitions[name]) for name, now in self.transitions.items())


def _mended(
    parent: ScoringRelease, tables: Mapping[Transition, LabelledTable], *, settings: Settings, run: RunStep, say: Say
) -> _Mended:
    transitions, left, since = dict(parent.transitions), {}, parent.manifest.trained_on
    for transition, table in tables.items():
        boundaries = settings.definitions.icp.fit_boundaries if transition.from_stage is Stage.MQL else None
        try:
            transitions[transition] = run(
                recalibrated, parent.transitions[transition], table, since=since, fit_boundaries=boundaries
            )
        except TooFewOutcomesError as error:
            left[str(transition)] = str(error)
    chain, agreed = parent.chain, settings.definitions
    if chain is not None:
        first = tables[Transition.MQL_TO_SQL]
        try:
            chain = run(recalibrated_chain, chain, transitions, first, definitions=agreed, since=since)
        except TooFewOutcomesError as error:
            left[P_WIN_BEFORE_SQL] = f"{error}; until then it follows what is mended of the transitions"
    elif all(step in transitions for step in STEPS):
        left[P_WIN_BEFORE_SQL] = f"{P_WIN_BEFORE_SQL}: {NEVER_JUDGED}"
    for why in left.values():
        say(why)
    return _Mended(transitions, chain, left)
