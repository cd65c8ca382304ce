"""A release at work: every open lead with its probabilities, value, grade, reasons and next action."""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.engine import store_errors
from data_contracts.errors import PublishError, ReleaseError
from data_contracts.history import CrmHistory
from data_contracts.keeping import held, kept_file
from data_contracts.progress import Say, silent
from data_contracts.scores import SCORED_LEADS_SCHEMA, Action, ScoredLeads
from data_contracts.settings import Definitions, Settings
from data_contracts.snapshots import FIT_SHARE, MISSES
from data_contracts.vocabulary import Stage, Transition
from features.build import build_features
from features.snapshots import scoring_snapshots
from models.chain import win_probabilities
from models.fitted import ScoringRelease
from models.thresholds import grade
from serving.decide import actions, respond_by
from serving.phrases import phrasings
from serving.reasons import N_REASONS, Reasoner, no_signal, outside_profile

LEADS_AT_ONCE = 50_000
"""Leads in memory at a time: some hundred megabytes with their features and contributions."""

LEAST_LABELLED_ALIKE = 30
"""Labelled leads of a grade below which its scores count as extrapolated: the 95 % interval of a share seen among 30
still reaches 18 percentage points to either side."""

_METADATA = ("as_of", "release_id", "definitions_version", "data_fingerprint")


def score_leads(
    history: CrmHistory,
    release: ScoringRelease,
    *,
    settings: Settings,
    as_of: dt.datetime,
    path: Path,
    say: Say = silent,
) -> ScoredLeads:
    """The scores of every lead that is open at `as_of`, in a Parquet file at `path` that is replaced as a whole.

    Leads are streamed: memory does not grow with their number.

    Parameters
    ----------
    history
        Checked history.
    release
        What scores.
    settings
        The definitions in force; the profile and the declared attributes are those of the release.
    as_of
        The moment (UTC, naive). Nothing known later takes part.
    path
        Where the scores go; its folder is made where it is not there.
    say
        Is told after each slice how many leads are scored so far.

    Raises
    ------
    ReleaseError
        Where the release was made with another feature catalogue, or for other transitions or horizons.
    BusyError
        Where another run is writing scores to `path`.
    """
    refuse_other_definitions(release, settings.definitions)
    snapshots = scoring_snapshots(history, settings.definitions, as_of=as_of)
    features = build_features(history, snapshots, settings=settings)
    refuse_other_catalogue(release, features.catalogue_digest)
    told = {
        "as_of": as_of.isoformat(),
        "release_id": release.manifest.release_id,
        "definitions_version": release.manifest.definitions_version,
        "data_fingerprint": history.fingerprint,
    }
    n_leads = 0
    with (
        store_errors(path, remedy="run `leadscore score` again"),
        held(path, by="leadscore score"),
        kept_file(path) as aside,
    ):
        with pq.ParquetWriter(aside, SCORED_LEADS_SCHEMA.with_metadata(told)) as writer:
            for leads in _in_slices(features.table.order_by("lead_id").to_pyarrow_batches()):
                writer.write_table(score_batch(leads.to_pandas(), release, settings=settings))
                n_leads += leads.num_rows
                say(f"{n_leads:,} leads scored")
        open_scored_leads(aside)
    return open_scored_leads(path)


def _in_slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows of `batches` in order, `LEADS_AT_ONCE` at a time, whatever the size of the engine's batches.

    A probability may differ in its last bit with the place of the lead in its batch, and the engine's batches differ
    with the number of its threads: the same leads are always scored together.
    """
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        waiting, n_waiting = [*waiting, batch], n_waiting + batch.num_rows
        while n_waiting >= LEADS_AT_ONCE:
            together = pa.Table.from_batches(waiting)
            yield together.slice(0, LEADS_AT_ONCE)
            waiting, n_waiting = together.slice(LEADS_AT_ONCE).to_batches(), n_waiting - LEADS_AT_ONCE
    if n_waiting:
        yield pa.Table.from_batches(waiting)


def open_scored_leads(path: Path) -> ScoredLeads:
    """The scores that `score_leads` left at `path`. Raises `PublishError` where the file holds none."""
    try:
        file = pq.read_metadata(path)
        told = {name: file.metadata[name.encode()].decode() for name in _METADATA}
    except (OSError, pa.ArrowInvalid, KeyError, TypeError) as error:
        raise PublishError(f"there are no scores at {path} ({error}); run `leadscore score` first") from error
    return ScoredLeads(
        path=path,
        n_leads=file.num_rows,
        as_of=dt.datetime.fromisoformat(told["as_of"]),
        release_id=told["release_id"],
        definitions_version=told["definitions_version"],
        data_fingerprint=told["data_fingerprint"],
    )


def score_batch(frame: pd.DataFrame, release: ScoringRelease, *, settings: Settings) -> pa.Table:
    """The scores of the leads in `frame`, in its order, as a table of `SCORED_LEADS_SCHEMA`.

    A pure function of one batch, so that it runs the same in a stream here and on the machines of a cluster.

    Parameters
    ----------
    frame
        Rows of `FeatureTable.table` at a scoring moment.
    release
        What scores.
    settings
        The definitions in force.
    """
    manifest, thresholds = release.manifest, release.manifest.thresholds
    chances = win_probabilities(release.transitions, frame)
    p_first = chances["p_win" if Transition.MQL_TO_WIN in release.transitions else "p_sql"].to_numpy()
    fit = frame[FIT_SHARE].to_numpy(dtype=np.float64, na_value=np.nan)
    grades = grade(p_first, fit, thresholds=thresholds)
    n_alike = np.array([thresholds.labelled_by_grade.get(found, 0) for found in grades], dtype=np.int64)
    next_actions = actions(frame["stage"], p_first=p_first, icp_fit=fit, thresholds=thresholds)
    reasons = _reasons(frame, next_actions, release=release)
    columns = {
        **{name: frame[name] for name in ("lead_id", "account_id", "stage", "as_of")},
        **{name: chances[name] for name in ("p_sql", "p_win_given_sql", "p_win")},
        "expected_value": chances["p_win"] * manifest.value_of_a_win,
        "grade": grades,
        "is_above_threshold": p_first >= thresholds.hand_off_probability,
        "n_labelled_alike": n_alike,
        "is_extrapolated": _is_extrapolated(frame, n_alike, longest_days=settings.definitions.snapshots.up_to_days),
        **{f"reason_{place + 1}": reasons[:, place] for place in range(N_REASONS)},
        "action": next_actions,
        "respond_by_at": respond_by(next_actions, as_of=frame["as_of"], sla=settings.definitions.sla),
        "release_id": np.full(len(frame), manifest.release_id, dtype=object),
        "definitions_version": np.full(len(frame), manifest.definitions_version, dtype=object),
    }
    arrays = [pa.array(columns[field.name], type=field.type, from_pandas=True) for field in SCORED_LEADS_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCORED_LEADS_SCHEMA)


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


def _is_extrapolated(
    frame: pd.DataFrame, n_alike: npt.NDArray[np.int64], *, longest_days: int
) -> npt.NDArray[np.bool_]:
    """Whether no labelled leads resemble each lead: few of its grade, none before MQL, none open for so long."""
    is_before_mql = frame["stage"].to_numpy() == Stage.LEAD
    is_open_longer = frame["days_in_stage"].to_numpy(dtype=np.float64) > longest_days
    return np.asarray((n_alike < LEAST_LABELLED_ALIKE) | is_before_mql | is_open_longer)


def _reasons(
    frame: pd.DataFrame, next_actions: npt.NDArray[np.object_], *, release: ScoringRelease
) -> npt.NDArray[np.object_]:
    """The reasons of each lead, from the model of the transition that it waits for."""
    told = phrasings(release.manifest.features)
    everything = Reasoner.of(told)
    apart_from_profile = Reasoner.of({name: each for name, each in told.items() if not each.is_of_profile})
    is_off_icp = next_actions == str(Action.OFF_ICP)
    texts = np.full((len(frame), N_REASONS), None, dtype=object)
    for transition in release.transitions:
        waits = (frame["transition"] == transition).to_numpy()
        on, off = np.flatnonzero(waits & ~is_off_icp), np.flatnonzero(waits & is_off_icp)
        texts[on] = _model_reasons(frame.iloc[on], release, transition=transition, reasoner=everything)
        own = _model_reasons(frame.iloc[off], release, transition=transition, reasoner=apart_from_profile)
        texts[off] = outside_profile(own, frame[MISSES].iloc[off].to_list())
    return texts


def _model_reasons(
    leads: pd.DataFrame, release: ScoringRelease, *, transition: Transition, reasoner: Reasoner
) -> npt.NDArray[np.object_]:
    model = release.transitions[transition]
    if model.estimator is None:
        return no_signal(len(leads))
    return reasoner.reasons(model.contributions(leads), leads)
