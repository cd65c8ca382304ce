"""From snapshots to features, and from features to the table that a model learns from."""

from collections.abc import Mapping

import ibis.expr.types as ir

from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.snapshots import MISSES, POINTS, FeatureTable, LabelledTable, Snapshots, frame_of
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from features.catalogue import catalogue_digest, features_of
from features.known import known_at
from features.measures import take_measures
from features.outcomes import LABELS, outcomes_of, with_wins
from features.point_rule import point_measures, total_points
from features.profile import icp_misses
from features.snapshots import training_snapshots

MOST_LABELLED = 1_000_000
"""Snapshots with a label in memory: a gigabyte with their features. Learning takes fewer (`models.split.MOST_ROWS`),
judging all of them."""


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
        snapshot, in no particular order. Number features are float64, all others strings.

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


def build_training_table(
    engine: Engine,
    history: CrmHistory,
    settings: Settings,
    *,
    transition: Transition,
    most_labelled: int = MOST_LABELLED,
) -> LabelledTable:
    """The training snapshots of `transition` that are learnt from or looked at, with their features, in memory.

    | the snapshot | is |
    |---|---|
    | has a label | in the table |
    | is censored, and sales works its lead | in the table with weight 0: what is known so far can be learnt from |
    | has none, and is the entry into the stage | in the table with weight 0: how many leads come in is a figure |
    | has none, and is a later one | counted only |

    Outcomes come first and are counted in the engine. Where more than `most_labelled` snapshots have a label, whole
    accounts are drawn there, and features are computed of these alone. A digest of the account's id decides, so that
    every engine draws the same ones.

    Raises `SettingsError` as `build_features` does, and `KeyError` where the definitions have no such transition.
    """
    definitions = settings.definitions
    horizon_days = definitions.transitions[transition].horizon_days
    found = training_snapshots(history, definitions, transition=transition)
    snapshots = Snapshots(engine.keep_for_now(f"snapshots_{transition}", found.table))
    outcomes = outcomes_of(history, snapshots, settings=settings, transition=transition)
    if transition is Transition.MQL_TO_SQL and Transition.SQL_TO_WIN in definitions.transitions:
        outcomes = with_wins(outcomes, history, snapshots, definitions=definitions)
    followed = engine.keep_for_now(f"outcomes_{transition}", outcomes)
    counts = _counts(followed)
    share = min(1.0, most_labelled / max(1, sum(counts[status] for status in LABELS)))
    needed = _needed(engine, snapshots.table, followed, share=share)
    chosen = Snapshots(engine.keep_for_now(f"chosen_{transition}", needed))
    features = build_features(history, chosen, settings=settings)
    labelled = features.table.join(followed, "snapshot_id").order_by("as_of", "lead_id")
    frame = frame_of(labelled, features.columns)
    return LabelledTable(
        transition=transition,
        horizon_days=horizon_days,
        frame=frame,
        columns=features.columns,
        catalogue_digest=features.catalogue_digest,
        counts=counts,
        extracted_at=history.extracted_at,
        sampled_share=share,
    )


def _needed(engine: Engine, snapshots: ir.Table, followed: ir.Table, *, share: float) -> ir.Table:
    """The snapshots that come into memory: of the share of the accounts, all but unlabelled later ones."""
    told = followed.filter(followed.outcome_status.isin(LABELS) | _is_young(followed))
    told = told.select(told_id="snapshot_id")
    rows = snapshots.left_join(told, snapshots.snapshot_id == told.told_id)
    rows = rows.filter(rows.told_id.notnull() | (rows.day == ENTRY))
    if share < 1:
        rows = rows.filter(engine.place_of(rows.group_id) < share)
    return rows.select(*snapshots.columns)


def _is_young(followed: ir.Table) -> ir.BooleanValue:
    """Whether the horizon has not passed yet and sales works the lead: what is known so far can be learnt from."""
    return (followed.outcome_status == OutcomeStatus.CENSORED.value) & followed.contacted_after_days.notnull()


def _counts(followed: ir.Table) -> Mapping[OutcomeStatus, int]:
    counted = followed.group_by("outcome_status").aggregate(n=followed.count()).to_pyarrow().to_pylist()
    found = {row["outcome_status"]: int(row["n"]) for row in counted}
    return {status: found.get(status.value, 0) for status in OutcomeStatus}
