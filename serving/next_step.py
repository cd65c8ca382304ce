"""The next transition of a lead: how likely it is, now and as it was published before."""

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.scores import P_SQL, P_WIN, P_WIN_GIVEN_SQL
from data_contracts.today import P_NEXT
from data_contracts.traces import SCORE_HISTORY_SCHEMA
from data_contracts.vocabulary import Stage
from features.stages import reached_stages

_READ = ("stage", P_SQL, P_WIN_GIVEN_SQL, P_WIN)
"""What `p_next` reads."""

SCORE_HISTORY_READS = (*dict.fromkeys([*(name for name in SCORE_HISTORY_SCHEMA.names if name != P_NEXT), *_READ]),)
"""The columns of `PUBLISHED_SCORES_SCHEMA` that a score history is made of."""


def p_next(rows: pa.Table) -> pa.ChunkedArray:
    """The probability of the next transition: that of the first one until it is taken, then that of a win."""
    is_past = pc.is_in(rows["stage"], value_set=pa.array([*reached_stages(Stage.SQL)]))
    first = pc.if_else(is_past, pa.scalar(None, pa.float64()), rows[P_SQL])
    return pc.coalesce(first, rows[P_WIN_GIVEN_SQL], rows[P_WIN])


def score_history(published: pa.Table) -> pa.Table:
    """Published scores for reading, by lead and the latest first: of `SCORE_HISTORY_SCHEMA`."""
    told = published.append_column(P_NEXT, p_next(published)).select(SCORE_HISTORY_SCHEMA.names)
    return told.cast(SCORE_HISTORY_SCHEMA).sort_by([("lead_id", "ascending"), ("as_of", "descending")])
