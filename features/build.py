"""From snapshots to features, and from features to the table that a model learns from."""

from collections.abc import Mapping

import pandas as pd

from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.snapshots import MISSES, POINTS, FeatureTable, LabelledTable, Snapshots, frame_of
from data_contracts.vocabulary import OutcomeStatus, Transition
from features.catalogue import catalogue_digest, features_of
from features.known import known_at
from features.measures import take_measures
from features.outcomes import outcomes_of
from features.point_rule import point_measures, total_points
from features.profile import icp_misses
from features.snapshots import training_snapshots


def build_features(history: CrmHistory, snapshots: Snapshots, *, settings: Settings) -> FeatureTable:
    """The features of each snapshot, computed from what was known at it.

    Parameters
    ----------
    history
        Checked history.
    snapshots
        Of any transition, in the same engine.
    settings
        The profile, the declared attributes and the point rule.

    Returns
    -------
    FeatureTable
        Lazy: `table.to_pyarrow_batches()` computes and streams it, `to_pandas()` holds it in memory. One row a
        snapshot, in no particular order. Number features are float64, category features text.

    Raises
    ------
    SettingsError
        Where the settings' attributes or criteria give no features: a taken name, a condition that does not suit.
    """
    definitions = settings.definitions
    features = features_of(settings)
    known = known_at(history, snapshots, settings=settings)
    measures = [feature.measure for feature in features]
    measured = take_measures(known, [*measures, icp_misses(definitions.icp), *point_measures(definitions.point_rule)])
    names = [feature.name for feature in features]
    described = measured.select(
        "snapshot_id", *names, MISSES, **{POINTS: total_points(definitions.point_rule, measured)}
    )
    table = snapshots.table.join(described, "snapshot_id")
    return FeatureTable(
        table=table.select(*snapshots.table.columns, *names, POINTS, MISSES),
        columns=tuple(feature.column for feature in features),
        catalogue_digest=catalogue_digest(settings),
    )


def build_training_table(history: CrmHistory, settings: Settings, *, transition: Transition) -> LabelledTable:
    """Every training snapshot of `transition` with its features and what became of it, in memory.

    Snapshots without a label (censored, unsettled, never contacted) have weight 0: they can be counted and looked at.
    Raises `SettingsError` as `build_features` does, and `KeyError` where the definitions have no such transition.
    """
    definitions = settings.definitions
    horizon_days = definitions.transitions[transition].horizon_days
    snapshots = training_snapshots(history, definitions, transition=transition)
    features = build_features(history, snapshots, settings=settings)
    followed = outcomes_of(history, snapshots, definitions=definitions, transition=transition)
    labelled = features.table.join(followed, "snapshot_id").order_by("as_of", "lead_id")
    frame = frame_of(labelled, features.columns)
    return LabelledTable(
        transition=transition,
        horizon_days=horizon_days,
        frame=frame,
        columns=features.columns,
        catalogue_digest=features.catalogue_digest,
        counts=_counts(frame),
        extracted_at=history.extracted_at,
    )


def _counts(frame: pd.DataFrame) -> Mapping[OutcomeStatus, int]:
    counted = frame["outcome_status"].value_counts()
    return {status: int(counted.get(status.value, 0)) for status in OutcomeStatus}
