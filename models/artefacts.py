"""A release as a folder of files, and back: nothing is unpickled, and only types that we name are rebuilt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd
import pyarrow as pa
import skops.io
from pydantic import ValidationError
from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

from data_contracts.errors import ReleaseError
from data_contracts.evaluation_table import BASE_RATE_BY_AGE
from data_contracts.past_scores import PastScores
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.snapshots import FeatureColumn
from models.fitted import ContactModel, FittedTransition, ScoringRelease
from models.win_calibrator import WinCalibrator

MANIFEST = "release.json"
WIN_CALIBRATOR = "win_calibrator.skops"
PAST_SCORES = "past_scores.parquet"

_SHARE = "sampled_share"

TRUSTED_TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
)
"""The types that an artefact may hold beside scikit-learn's public estimators and numpy's arrays, which skops trusts
by itself. A file never says what to trust. Add a type only where rebuilding it runs no code that its state can choose:
never a function, a partial or a callable of `operator`."""

_DAMAGED = (BadZipFile, UntrustedTypesFoundException, ValueError, KeyError, TypeError, AttributeError, ImportError)
"""What skops raises on a file that is no artefact, was cut short, or was written by other versions of the libraries."""


def save_release(release: ScoringRelease, folder: Path) -> None:
    """Write `release` into `folder`: `release.json`, and `<transition>.skops` for each transition that has a model.

    What it would have said of past leads is in `past_scores.parquet`. Where some leads are unlike every labelled one,
    there is `<transition>.contact.skops` as well, and where the probability of a win before SQL is calibrated,
    `win_calibrator.skops`.

    A transition that publishes its base rate has no file: the manifest says all there is. Raises `ReleaseError` where
    an estimator holds a type that could not be loaded again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for transition, fitted in release.transitions.items():
        if fitted.columns != release.manifest.features:
            raise ReleaseError(f"{transition}: the model reads other features than the release's manifest lists")
        if fitted.estimators:
            file = _artefact(folder, fitted.summary)
            content = {"estimators": list(fitted.estimators), "calibrator": fitted.calibrator}
            file.write_bytes(_dumped(content, file))
        if fitted.contact is not None:
            file = _contact_artefact(folder, fitted.summary)
            file.write_bytes(_dumped({"estimator": fitted.contact.estimator}, file))
    if release.win_calibrator is not None:
        file = folder / WIN_CALIBRATOR
        file.write_bytes(_dumped({"calibrator": release.win_calibrator.fitted}, file))
    if release.past is not None:
        share = {_SHARE: release.past.sampled_share}
        release.past.frame.assign(**share).to_parquet(folder / PAST_SCORES, index=False)
    (folder / MANIFEST).write_text(release.manifest.model_dump_json(indent=2), encoding="utf-8")


def load_release(folder: Path) -> ScoringRelease:
    """The release that `save_release` wrote into `folder`, giving the same probabilities.

    Parameters
    ----------
    folder
        What `save_release` wrote.

    Raises
    ------
    ReleaseError
        Where the folder holds no release, an artefact is missing, damaged, or holds a type that is not in
        `TRUSTED_TYPES`.
    """
    manifest = load_manifest(folder / MANIFEST)
    transitions = {
        summary.transition: _fitted(summary, columns=manifest.features, folder=folder)
        for summary in manifest.transitions
    }
    return ScoringRelease(
        manifest, transitions, win_calibrator=_win_calibrator(manifest, folder), past=_past_scores(folder)
    )


def _past_scores(folder: Path) -> PastScores | None:
    file = folder / PAST_SCORES
    if not file.exists():
        return None
    try:
        frame = pd.read_parquet(file)
        share = float(frame.pop(_SHARE).iloc[0]) if len(frame) else 1.0
    except (OSError, pa.ArrowInvalid, KeyError, ValueError) as error:
        raise ReleaseError(f"{file} is damaged ({error}); train again with `leadscore train`") from error
    return PastScores(frame, share)


def untrusted_types(artefact: bytes) -> tuple[str, ...]:
    """Names of the types in the artefact that are not trusted, in alphabetical order. Nothing is rebuilt."""
    return tuple(name for name in skops.io.get_untrusted_types(data=artefact) if name not in TRUSTED_TYPES)


def _artefact(folder: Path, summary: TransitionSummary) -> Path:
    return folder / f"{summary.transition}.skops"


def _contact_artefact(folder: Path, summary: TransitionSummary) -> Path:
    return folder / f"{summary.transition}.contact.skops"


def _dumped(parts: Mapping[str, object], file: Path) -> bytes:
    try:
        content: bytes = skops.io.dumps(parts)
    except UnsupportedTypeException as error:
        raise ReleaseError(f"{file.name} cannot be written without pickle: {error}") from error
    _refuse_untrusted(content, file)
    return content


def _refuse_untrusted(content: bytes, file: Path) -> None:
    untrusted = untrusted_types(content)
    if untrusted:
        raise ReleaseError(
            f"{file} holds {len(untrusted)} type(s) that are not trusted ({', '.join(untrusted)}) and is refused; "
            "if it did not come from `leadscore train`, find out who wrote it"
        )


def load_manifest(file: Path) -> ReleaseManifest:
    """The manifest of a release. Raises `ReleaseError` where `file` is missing, or is none."""
    try:
        return ReleaseManifest.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise ReleaseError(f"there is no release in {file.parent}: {file.name} is missing") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise ReleaseError(
            f"{file.name} is not the manifest of a release that this version of leadscore can read: {problems}; "
            "run `leadscore train`, then `leadscore promote` the new version"
        ) from None


def _fitted(summary: TransitionSummary, *, columns: tuple[FeatureColumn, ...], folder: Path) -> FittedTransition:
    parts: dict[str, Any] = {"estimators": (), "calibrator": None}
    if summary.estimator != BASE_RATE_BY_AGE:
        parts = _loaded(_artefact(folder, summary), names=tuple(parts))
    return FittedTransition(
        summary=summary,
        columns=columns,
        estimators=tuple(parts["estimators"]),
        calibrator=parts["calibrator"],
        contact=_contact(summary, folder),
    )


def _contact(summary: TransitionSummary, folder: Path) -> ContactModel | None:
    limit = None if summary.contact is None else summary.contact.unlike_up_to
    if limit is None:
        return None
    return ContactModel(_loaded(_contact_artefact(folder, summary), names=("estimator",))["estimator"], limit)


def _win_calibrator(manifest: ReleaseManifest, folder: Path) -> WinCalibrator | None:
    if manifest.chain is None or manifest.chain.calibrator == "none":
        return None
    return WinCalibrator(
        manifest.chain.calibrator, _loaded(folder / WIN_CALIBRATOR, names=("calibrator",))["calibrator"]
    )


def _loaded(file: Path, *, names: tuple[str, ...]) -> dict[str, Any]:
    """The parts of an artefact by name, rebuilt from trusted types only."""
    try:
        content = file.read_bytes()
        _refuse_untrusted(content, file)
        parts = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
        return {name: parts[name] for name in names}
    except FileNotFoundError:
        raise ReleaseError(f"{file} is missing; train a new release with `leadscore train`") from None
    except _DAMAGED as error:
        raise ReleaseError(
            f"{file} is damaged or was written by other library versions ({type(error).__name__}: {error}); "
            "train a new release with `leadscore train`"
        ) from error
