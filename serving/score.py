"""A release at work: every open lead with its probabilities, value, grade, reasons and next action."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.calls import HandOffState
from data_contracts.crm_mapping import CrmMapping
from data_contracts.definitions import Definitions
from data_contracts.disk import disk_errors
from data_contracts.errors import PublishError, ReleaseError
from data_contracts.history import CrmHistory
from data_contracts.keeping import held, kept_folder
from data_contracts.policy import Policy
from data_contracts.ports import Engine
from data_contracts.progress import Say, silent
from data_contracts.scores import (
    CHANCES,
    P_NEXT_INTERVAL,
    P_SQL,
    P_WIN,
    REASONS,
    SCORED_LEADS_SCHEMA,
    Action,
    ScoredLeads,
)
from data_contracts.settings import Settings
from data_contracts.snapshots import (
    DAYS_IN_STAGE,
    FIT_SHARE,
    MISSES,
    SUPPRESSED_BY,
    TEAM,
    FeatureTable,
    Snapshots,
)
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import Stage, Transition
from features.build import build_features
from features.routing import routes_of
from features.snapshots import scoring_snapshots
from models.amounts import expected_amounts
from models.artefacts import load_release, save_release
from models.calibration import curve_interval
from models.chain import chained
from models.fitted import FittedTransition, ScoringRelease
from models.grades import grade
from models.thresholds import ranking_value
from serving.calls import add_call_list
from serving.decide import actions, is_eligible, recheck_at
from serving.phrases import phrasings
from serving.reasons import N_REASONS, Reasoner, no_signal, outside_profile

LEAST_LABELLED_ALIKE = 30
"""Labelled leads of a grade below which its scores count as extrapolated: the 95 % interval of a share seen among 30
still reaches 18 percentage points to either side."""

_ABOUT = "_about.json"
"""The file beside the scores that says what they are of. Whoever reads the folder as Parquet passes over it."""


def score_leads(
    engine: Engine,
    history: CrmHistory,
    release: ScoringRelease,
    *,
    settings: Settings,
    hand_offs: HandOffState,
    as_of: dt.datetime,
    path: Path,
    say: Say = silent,
) -> ScoredLeads:
    """The scores of every lead that is open at `as_of`, in a folder of Parquet files that is replaced as a whole.

    The engine maps `score_batch` over the features: memory does not grow with the number of leads, and a cluster scores
    on its workers. Then the eligible leads are put in order, and the best are handed off (`serving.queue`).

    Parameters
    ----------
    engine
        Where the history lives.
    history
        Checked history.
    release
        What scores.
    settings
        The definitions in force; the profile and the declared attributes are those of the release.
    hand_offs
        The boundaries in force, with the policy that they were chosen for, and what was handed off before.
    as_of
        The moment (UTC, naive). Nothing known later takes part.
    path
        Where the scores go. It is a link to the folder of the last run.
    say
        Is told how many leads are scored so far.

    Raises
    ------
    ReleaseError
        Where the release was made with another feature catalogue, or for other transitions or horizons.
    BusyError
        Where another run is writing scores to `path`.
    """
    refuse_other_definitions(release, settings.definitions)
    thresholds = hand_offs.thresholds
    snapshots = scoring_snapshots(history, settings.definitions, as_of=as_of)
    kept = Snapshots(engine.keep_for_now("scoring_snapshots", snapshots.table))
    features = with_routes(
        build_features(history, kept, settings=settings), history, kept, policy=thresholds.policy, crm=settings.crm
    )
    refuse_other_catalogue(release, features.catalogue_digest)
    told = {
        "as_of": as_of.isoformat(),
        "release_id": release.manifest.release_id,
        "definitions_version": release.manifest.definitions_version,
        "data_fingerprint": history.fingerprint,
        "thresholds_id": thresholds.thresholds_id,
        "n_leads": int(kept.table.count().to_pyarrow().as_py()),
    }
    with (
        disk_errors(path),
        held(path, by="leadscore score"),
        kept_folder(path) as version,
    ):
        scorer = BatchScorer(release, settings=settings, thresholds=thresholds)
        for n_leads in engine.map_batches(
            features.table, scorer, schema=SCORED_LEADS_SCHEMA, order_by="lead_id", into=version
        ):
            say(f"{n_leads:,} leads scored")
        add_call_list(version, history, hand_offs, settings=settings, as_of=as_of)
        (version / _ABOUT).write_text(json.dumps(told, indent=2), encoding="utf-8")
        open_scored_leads(version)
    return open_scored_leads(path)


def open_scored_leads(path: Path) -> ScoredLeads:
    """The scores that `score_leads` left at `path`.

    Raises `PublishError` where there are none, or where not every open lead has its score: whoever publishes takes
    a lead without one for closed.
    """
    try:
        told = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
        n_rows = sum(pq.read_metadata(file).num_rows for file in path.glob("*.parquet"))
        if n_rows != told["n_leads"]:
            raise ValueError(f"{n_rows:,} of {told['n_leads']:,} leads are there")
        return ScoredLeads(
            path=path,
            n_leads=n_rows,
            as_of=dt.datetime.fromisoformat(told["as_of"]),
            release_id=told["release_id"],
            definitions_version=told["definitions_version"],
            data_fingerprint=told["data_fingerprint"],
            thresholds_id=told["thresholds_id"],
        )
    except (OSError, pa.ArrowInvalid, ValueError, KeyError, TypeError) as error:
        raise PublishError(f"there are no scores at {path} ({error}); run `leadscore score` first") from error


class BatchScorer:
    """`score_batch` with its release and settings: a function of a table, which travels to the workers of a cluster.

    It travels as the release's files, from which a worker loads the release once, as from a registry.
    """

    def __init__(self, release: ScoringRelease, *, settings: Settings, thresholds: Thresholds) -> None:
        self._release, self._settings, self._thresholds = release, settings, thresholds

    def __call__(self, rows: pa.Table) -> pa.Table:
        """The scores of `rows` of a `FeatureTable`, in their order."""
        return score_batch(rows.to_pandas(), self._release, settings=self._settings, thresholds=self._thresholds)

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels."""
        with TemporaryDirectory() as folder:
            save_release(replace(self._release, past=None), Path(folder))
            files = tuple((file.name, file.read_bytes()) for file in sorted(Path(folder).iterdir()))
        return _scorer_of, (files, self._settings.model_dump_json(), self._thresholds.model_dump_json())


@lru_cache(maxsize=1)
def _scorer_of(files: tuple[tuple[str, bytes], ...], settings: str, thresholds: str) -> BatchScorer:
    with TemporaryDirectory() as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content)
        return BatchScorer(
            load_release(Path(folder)),
            settings=Settings.model_validate_json(settings),
            thresholds=Thresholds.model_validate_json(thresholds),
        )


def score_batch(
    frame: pd.DataFrame, release: ScoringRelease, *, settings: Settings, thresholds: Thresholds
) -> pa.Table:
    """The scores of the leads in `frame`, in its order, as a table of `SCORED_LEADS_SCHEMA`: nobody is handed off yet.

    A pure function of one batch, so that it runs the same in a stream here and on the machines of a cluster.

    Parameters
    ----------
    frame
        Rows of `FeatureTable.table` at a scoring moment, with their routes (`with_routes`).
    release
        What scores.
    settings
        The definitions in force.
    thresholds
        The hand-off boundaries in force.
    """
    manifest, grading, policy = release.manifest, release.manifest.grading, thresholds.policy
    told = {
        transition: model.predicted(frame, asked=(frame["transition"] == transition).to_numpy())
        for transition, model in release.transitions.items()
    }
    predicted = {transition: one.probability for transition, one in told.items()}
    chances = chained(predicted, frame, chain=release.chain)
    p_first = chances[P_WIN if Transition.MQL_TO_WIN in release.transitions else P_SQL].to_numpy()
    fit = frame[FIT_SHARE].to_numpy(dtype=np.float64, na_value=np.nan)
    grades = grade(p_first, fit, grading=grading)
    amount = expected_amounts(manifest.amounts, frame)
    value = ranking_value(p_first, chances[P_WIN].to_numpy(), policy=policy, amount=amount)
    eligible = is_eligible(value, team=frame[TEAM], boundaries=thresholds.boundaries)
    suppressed = frame[SUPPRESSED_BY].notna().to_numpy()
    n_alike = np.array([grading.labelled_by_grade.get(found, 0) for found in grades], dtype=np.int64)
    next_actions = actions(frame["stage"], eligible=eligible, suppressed=suppressed, icp_fit=fit, grading=grading)
    contributions = {transition: one.explained.contributions for transition, one in told.items()}
    reasons = _reasons(frame, next_actions, release=release, contributions=contributions)
    columns = {
        **{name: frame[name] for name in ("lead_id", "account_id", "stage", "as_of")},
        **{name: chances[name] for name in CHANCES},
        **_next_interval(frame, predicted, release=release),
        "expected_value": chances[P_WIN] * amount,
        "grade": grades,
        **{name: frame[name] for name in (TEAM, SUPPRESSED_BY)},
        "ranking_value": value,
        "is_eligible": eligible,
        "n_labelled_alike": n_alike,
        "is_extrapolated": _is_unlike(frame, release)
        | _is_beyond(frame, n_alike, longest_days=settings.definitions.snapshots.up_to_days),
        **{reason: reasons[:, place] for place, reason in enumerate(REASONS)},
        "action": next_actions,
        **dict.fromkeys(("respond_by_at", "expected_at"), np.full(len(frame), np.datetime64("NaT", "us"))),
        "recheck_at": recheck_at(next_actions, as_of=frame["as_of"], days_in_stage=frame[DAYS_IN_STAGE], policy=policy),
        "release_id": np.full(len(frame), manifest.release_id, dtype=object),
        "definitions_version": np.full(len(frame), manifest.definitions_version, dtype=object),
        "policy_version": np.full(len(frame), policy.version, dtype=object),
    }
    arrays = [pa.array(columns[field.name], type=field.type, from_pandas=True) for field in SCORED_LEADS_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCORED_LEADS_SCHEMA)


def with_routes(
    features: FeatureTable, history: CrmHistory, snapshots: Snapshots, *, policy: Policy, crm: CrmMapping
) -> FeatureTable:
    """`features` of `snapshots`, with whose lead each is in sales, and what keeps it from being handed off."""
    routes = routes_of(history, snapshots, policy=policy, crm=crm)
    return replace(features, table=features.table.join(routes, "snapshot_id"))


def refuse_other_catalogue(release: ScoringRelease, catalogue_digest: str) -> None:
    """Raise `ReleaseError` where the release learnt from features that are computed differently now."""
    manifest = release.manifest
    if manifest.catalogue_digest != catalogue_digest:
        raise ReleaseError(
            f"release {manifest.release_id} was made by feature catalogue {manifest.catalogue_digest} and the one in "
            f"force is {catalogue_digest}; train a new release with `leadscore train`"
        )


def refuse_other_definitions(release: ScoringRelease, definitions: Definitions) -> None:
    """Raise `ReleaseError` where the release predicts something else than the definitions in force ask for."""
    predicts = {model.transition: model.horizon_days for model in release.manifest.transitions}
    asked = {transition: agreed.horizon_days for transition, agreed in definitions.transitions.items()}
    if predicts != asked:
        raise ReleaseError(
            f"release {release.manifest.release_id} predicts {_listed(predicts)}, and definitions "
            f"{definitions.version} ask for {_listed(asked)}; train a new release with `leadscore train`"
        )


def _listed(horizons: dict[Transition, int]) -> str:
    return " and ".join(f"{transition} within {days} days" for transition, days in sorted(horizons.items()))


def _next_interval(
    frame: pd.DataFrame, predicted: Mapping[Transition, npt.NDArray[np.float64]], *, release: ScoringRelease
) -> dict[str, npt.NDArray[np.float64]]:
    """The interval of the calibration curve at each lead's probability of the transition that it waits for."""
    ends = np.full((len(P_NEXT_INTERVAL), len(frame)), np.nan)
    for transition, model in release.transitions.items():
        waits = (frame["transition"] == transition).to_numpy()
        if model.summary.calibration is not None:
            ends[:, waits] = curve_interval(model.summary.calibration.curve, predicted[transition][waits])
    return dict(zip(P_NEXT_INTERVAL, ends, strict=True))


def _is_unlike(frame: pd.DataFrame, release: ScoringRelease) -> npt.NDArray[np.bool_]:
    """Whether each lead is unlike those that the model of its next transition learnt from."""
    found = np.zeros(len(frame), dtype=bool)
    for transition, model in release.transitions.items():
        waits = (frame["transition"] == transition).to_numpy()
        found[waits] = model.is_unlike(frame[waits])
    return found


def _is_beyond(frame: pd.DataFrame, n_alike: npt.NDArray[np.int64], *, longest_days: int) -> npt.NDArray[np.bool_]:
    """Whether no labelled leads resemble each lead: few of its grade, none before MQL, none open for so long."""
    is_before_mql = frame["stage"].to_numpy() == Stage.LEAD
    is_open_longer = frame[DAYS_IN_STAGE].to_numpy(dtype=np.float64) > longest_days
    return np.asarray((n_alike < LEAST_LABELLED_ALIKE) | is_before_mql | is_open_longer)


def _reasons(
    frame: pd.DataFrame,
    next_actions: npt.NDArray[np.object_],
    *,
    release: ScoringRelease,
    contributions: Mapping[Transition, pd.DataFrame],
) -> npt.NDArray[np.object_]:
    """The reasons of each lead, from the model of the transition that it waits for.

    `contributions` are that model's, one row a waiting lead, in the order of `frame`.
    """
    told = phrasings(release.manifest.features)
    everything = Reasoner.of(told)
    apart_from_profile = Reasoner.of({name: each for name, each in told.items() if not each.is_of_profile})
    is_off_icp = next_actions == str(Action.REJECT)
    texts = np.full((len(frame), N_REASONS), None, dtype=object)
    for transition, model in release.transitions.items():
        waits = np.flatnonzero((frame["transition"] == transition).to_numpy())
        on, off = ~is_off_icp[waits], is_off_icp[waits]
        leads, weighed = frame.iloc[waits], contributions[transition]
        texts[waits[on]] = _model_reasons(leads[on], weighed[on], model=model, reasoner=everything)
        own = _model_reasons(leads[off], weighed[off], model=model, reasoner=apart_from_profile)
        texts[waits[off]] = outside_profile(own, leads.loc[off, MISSES].to_list())
    return texts


def _model_reasons(
    leads: pd.DataFrame, contributions: pd.DataFrame, *, model: FittedTransition, reasoner: Reasoner
) -> npt.NDArray[np.object_]:
    if not model.estimators:
        return no_signal(len(leads))
    return reasoner.reasons(contributions, leads)
