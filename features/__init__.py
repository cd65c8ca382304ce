"""What was known about a lead at a moment, as one row.

| from | to | by |
|---|---|---|
| `CrmHistory` | `Snapshots` | `training_snapshots`, `scoring_snapshots` |
| `Snapshots` | `KnownHistory` | `known_at` |
| `Snapshots` | `FeatureTable` | `build_features` |
| `Snapshots` | outcomes | `outcomes_of` |
| `CrmHistory` | `LabelledTable` | `build_training_table` |
"""

from data_contracts.snapshots import FeatureColumn, FeatureTable, KnownHistory, LabelledTable, Snapshots
from features.build import build_features, build_training_table
from features.catalogue import catalogue_digest, features_of
from features.known import known_at
from features.measures import Feature
from features.outcomes import outcomes_of, with_wins
from features.revenue import won_revenue
from features.snapshots import scoring_snapshots, training_snapshots, unscored_leads

__all__ = [
    "Feature",
    "FeatureColumn",
    "FeatureTable",
    "KnownHistory",
    "LabelledTable",
    "Snapshots",
    "build_features",
    "build_training_table",
    "catalogue_digest",
    "features_of",
    "known_at",
    "outcomes_of",
    "scoring_snapshots",
    "training_snapshots",
    "unscored_leads",
    "with_wins",
    "won_revenue",
]
