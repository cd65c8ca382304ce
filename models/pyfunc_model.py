"""A release as MLflow's users call it: `mlflow.pyfunc.load_model("models:/lead-scoring@production").predict(frame)`.

The file `MLmodel` beside a release's files names this module, and MLflow asks it to load the folder. It does so by
`load_release`: nothing is unpickled, and only types that we name are rebuilt. No command of ours reads `MLmodel`.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data_contracts.releases import ReleaseManifest
from data_contracts.snapshots import FeatureType
from data_contracts.vocabulary import Stage, Transition
from models.artefacts import load_release
from models.chain import win_probabilities
from models.fitted import ScoringRelease

STAGE = "stage"
"""The column beside the features that the way to a win depends on: an SQL has its SQL behind it."""

MADE_UP = "made up"
"""The word of the input example. It is no lead's."""


@dataclass(frozen=True, eq=False)
class ReleaseModel:
    """What MLflow calls."""

    release: ScoringRelease

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """`p_sql`, `p_win_given_sql` and `p_win` of each row of `frame`, as scores name them.

        `frame` has the columns that `input_columns` names; others are ignored. Raises `ReleaseError` where one is
        lacking.
        """
        return win_probabilities(self.release.transitions, frame, chain=self.release.chain)


def input_columns(manifest: ReleaseManifest) -> dict[str, FeatureType]:
    """The columns that a release reads, with their types: its features, and `stage` where two transitions lead to a
    win.
    """
    features = {column.name: column.type for column in manifest.features}
    is_chain = any(summary.transition == Transition.MQL_TO_SQL for summary in manifest.transitions)
    stage: dict[str, FeatureType] = {STAGE: "category"}
    return stage | features if is_chain else features


def input_example(manifest: ReleaseManifest) -> pd.DataFrame:
    """Two made-up rows that the release can score: numbers 1 and 2, and words that no lead has."""
    made_up = {"number": [1.0, 2.0], "category": [MADE_UP, MADE_UP], "text": [MADE_UP, MADE_UP]}
    rows = {name: made_up[type_] for name, type_ in input_columns(manifest).items()}
    return pd.DataFrame(rows | ({STAGE: [Stage.MQL.value, Stage.SQL.value]} if STAGE in rows else {}))


def _load_pyfunc(path: str) -> ReleaseModel:
    """The release in the folder `path`, for MLflow. Raises `ReleaseError` as `load_release` does."""
    return ReleaseModel(load_release(Path(path)))
