"""The true probability that an MQL becomes a customer by way of an SQL: what the product of two models should say."""

import numpy as np
import pyarrow as pa

from simulation import laws, truth
from simulation.behaviour import reach_points
from simulation.clock import DAY, END, HOUR, Floats, Ints, at_business_hours, business_hours
from simulation.export import lead_ids
from simulation.files import moments
from simulation.funnel import Story, tell
from simulation.people import draw_groups, draw_people
from simulation.simulate import LEADS_AT_A_TIME

DECISION_NODES = 6
"""Times from the call to the decision are integrated over so many equally likely ones."""


def truth_of_wins(*, n_leads: int, seed: int) -> pa.Table:
    """The truth about the leads that `simulate` writes for the same `n_leads` and `seed`, which are drawn once more.

    It takes longer than the simulation, so that no export holds it.

    Returns
    -------
    Table
        One row a lead that became an MQL by the export: `lead_id`, `mql_at` (its first entry, UTC) and `p_mql_to_win`,
        the probability of an SQL within 30 days of the entry that is won within 120 days of the SQL, given that sales
        calls within these 30 days.
    """
    groups = draw_groups(np.random.default_rng([seed, 0]), n_leads)
    parts = []
    for number, chunk in enumerate(groups.chunks(LEADS_AT_A_TIME), start=1):
        rng = np.random.default_rng([seed, number])
        parts.append(_truth_of(tell(rng, draw_people(rng, chunk))))
    return pa.concat_tables(parts)


def p_win_if_contacted(story: Story) -> Floats:
    """That probability of each lead of the first pass of `story`.

    It is integrated over the response delay, given that this is within the horizon, over the time to a decision, and
    over the number of meetings. All that leads do by themselves is taken as it was drawn: sales changes none of it.
    """
    leads, mql_at = story.first_pass.leads, story.first_pass.mql_at
    evidence = truth.gather(story.people, story.timeline, story.activities)
    log_odds = truth.sql_log_odds(evidence, leads, at=mql_at)
    start = business_hours(mql_at)
    horizon = business_hours(mql_at + laws.HORIZON_SQL_DAYS * DAY) - start
    delay = truth.response(reach_points(story.people, story.activities)[1][leads])
    reached = delay.share_within(horizon)
    total = np.zeros(len(leads))
    for node in range(truth.DELAY_NODES):
        hours = delay.at_share((node + 0.5) / truth.DELAY_NODES * reached)
        penalty = truth.lateness_penalty((at_business_hours(start + hours) - mql_at) / HOUR)
        decided = truth.DECISION.share_within(horizon - hours)
        p_won = np.zeros(len(leads))
        for place in range(DECISION_NODES):
            decision = truth.DECISION.at_share((place + 0.5) / DECISION_NODES * decided)
            sql_at = np.floor(at_business_hours(start + hours + decision))
            p_won += _p_won(evidence, leads, mql_at=mql_at, sql_at=sql_at) / DECISION_NODES
        total += truth.p_qualifies(log_odds, penalty) * decided * p_won
    return total / truth.DELAY_NODES


def _p_won(evidence: truth.Evidence, leads: Ints, *, mql_at: Floats, sql_at: Floats) -> Floats:
    """Probability of a win within the horizon of `sql_at`, over the number of meetings before it (Poisson)."""
    rate = truth.meeting_rate(evidence.people, leads)
    none = np.zeros(len(leads), dtype=np.int64)
    log_odds = truth.win_log_odds(evidence, leads, mql_at=mql_at, sql_at=sql_at, n_meetings=none)
    total, share, left = np.zeros(len(leads)), np.exp(-rate), np.ones(len(leads))
    for n_meetings in range(truth.MOST_MEETINGS + 1):
        weight = left if n_meetings == truth.MOST_MEETINGS else share
        total += weight * truth.p_win(log_odds + truth.MEETING_EFFECT * n_meetings, sql_at=sql_at)
        left, share = left - share, share * rate / (n_meetings + 1)
    return total


def _truth_of(story: Story) -> pa.Table:
    first = story.first_pass
    shown = np.flatnonzero(first.mql_at < END)
    return pa.table(
        {
            "lead_id": lead_ids(story.people, first.leads[shown]),
            "mql_at": moments(first.mql_at[shown]).cast(pa.timestamp("us")),
            "p_mql_to_win": pa.array(p_win_if_contacted(story)[shown]),
        }
    )
