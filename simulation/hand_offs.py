"""The true probability that a lead becomes an SQL, had sales called it after any moment: also where nobody ever did."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation import laws, truth
from simulation.clock import START, Floats
from simulation.export import lead_ids
from simulation.funnel import Story, tell
from simulation.people import draw_groups, draw_people
from simulation.simulate import LEADS_AT_A_TIME


def truth_of_hand_offs(asked: pa.Table, *, n_leads: int, seed: int) -> pa.Table:
    """The truth about `asked` leads that `simulate` writes for the same `n_leads` and `seed`: drawn once more.

    Parameters
    ----------
    asked
        `lead_id` and `as_of` (UTC): the moments of hand-offs.

    Returns
    -------
    Table
        `lead_id`, `as_of` and `p_mql_to_sql`: the probability of an SQL within 30 days of `as_of`, given that sales
        calls within these 30 days, as fast as it calls leads that just reach the old rule's threshold.
    """
    groups = draw_groups(np.random.default_rng([seed, 0]), n_leads)
    parts = []
    for number, chunk in enumerate(groups.chunks(LEADS_AT_A_TIME), start=1):
        rng = np.random.default_rng([seed, number])
        parts.append(_truth_of(tell(rng, draw_people(rng, chunk)), asked))
    return pa.concat_tables(parts)


def _truth_of(story: Story, asked: pa.Table) -> pa.Table:
    """The rows of `asked` that are leads of `story`, with the truth."""
    everyone = lead_ids(story.people, np.arange(story.people.n_leads))
    leads = pc.index_in(asked["lead_id"], value_set=everyone)
    own = asked.filter(pc.is_valid(leads))
    places = pc.drop_null(leads).to_numpy().astype(np.int64)
    at: Floats = (own["as_of"].to_numpy() - np.datetime64(START)) / np.timedelta64(1, "s")
    evidence = truth.gather(story.people, story.timeline, story.activities)
    log_odds = truth.sql_log_odds(evidence, places, at=at)
    p_sql = truth.p_sql_if_contacted(log_odds, at=at, points=np.full(len(places), laws.MQL_POINTS, dtype=np.float64))
    return own.select(["lead_id", "as_of"]).append_column("p_mql_to_sql", pa.array(p_sql))
