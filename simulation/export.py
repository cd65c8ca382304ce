"""A simulated story as the CRM would export it: what it shows at the export, in its own columns and words."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation import laws
from simulation.clock import DAY, END, Floats, Ints, month_index
from simulation.files import ids, moments, numbers, texts, words
from simulation.funnel import AUTOMATION, SELLERS, Story
from simulation.people import Bools, People
from simulation.truth import size_band

LEAD_WIDTH, ACCOUNT_WIDTH, ACTIVITY_WIDTH = 7, 7, 9
CORRECTED_SHARE = 0.35


def lead_ids(people: People, leads: Ints) -> pa.Array:
    """The CRM's ids of `leads` (numbers in the chunk; negative ones are missing)."""
    return ids("L", np.where(leads < 0, -1, leads + people.first_lead), width=LEAD_WIDTH)


def account_ids(people: People, groups: Ints) -> pa.Array:
    """The CRM's ids of the accounts `groups`; missing where people have no account."""
    return ids(
        "A", np.where(people.groups.has_account[groups], groups + people.groups.first_group, -1), width=ACCOUNT_WIDTH
    )


def _shown(times: Floats) -> Floats:
    """`times` as the export shows them: what comes after it is infinite."""
    return np.where(times < END, times, np.inf)


def _earliest(n: int, leads: Ints, times: Floats) -> Floats:
    first = np.full(n, np.inf)
    np.minimum.at(first, leads, times)
    return first


def merged_at(story: Story, rng: np.random.Generator) -> Floats:
    """When duplicates were merged into the record they duplicate; infinite for all others and after the export."""
    people = story.people
    both = np.maximum(people.created_at, people.created_at[people.duplicate_of])
    when = both + np.floor(rng.uniform(3 * DAY, 60 * DAY, people.n_leads))
    return _shown(np.where(people.duplicate_of >= 0, when, np.inf))


def leads_table(story: Story, rng: np.random.Generator, *, merged_at: Floats) -> pa.Table:
    """The leads as they stand at the export; `Rating` and `OwnerId` were overwritten as things went on."""
    people, deals = story.people, story.deals
    n = people.n_leads
    sql_at = _shown(_earliest(n, deals.leads, deals.sql_at))
    won_at = _shown(_earliest(n, deals.leads, deals.won_at))
    hot = np.isfinite(won_at) | (np.isfinite(sql_at) & (rng.random(n) < 0.6))
    number = np.arange(n) + people.first_lead
    person = pc.binary_join_element_wise("person", pa.array(number).cast(pa.string()), "")
    told = _shown(story.timeline.told_at)
    by_sales = np.isfinite(_timeline_by_sales(story))
    timeline = np.where(by_sales, 0, np.where(np.isfinite(told) & (told < sql_at), story.timeline.code, -1))
    contacted_at = _shown(_earliest(n, story.first_pass.leads, story.first_pass.contacted_at))
    owner = np.where(np.isfinite(np.minimum(contacted_at, sql_at)), number % SELLERS + 1, -1)
    band = size_band(people.employees[people.group])
    return pa.table(
        {
            "Id": lead_ids(people, np.arange(n)),
            "AccountId": account_ids(people, people.group),
            "FirstName": pa.repeat("Invented", n),
            "LastName": person,
            "Email": pc.binary_join_element_wise(person, "example.invalid", "@"),
            "CreatedDate": texts(people.created_at),
            "LeadSource": words(np.where(rng.random(n) < 0.03, -1, people.campaign), _SOURCES),
            "Campaign": words(people.campaign, _CAMPAIGNS),
            "JobRole": words(people.role, laws.ROLES),
            "Problem": words(np.where(rng.random(n) < 0.08, -1, people.problem), laws.PROBLEMS),
            "Seniority": words(np.where(rng.random(n) < 0.05, -1, people.seniority), laws.SENIORITIES),
            "FormCompanySize": words(np.where(rng.random(n) < 0.5, band, -1), laws.SIZE_BANDS),
            "BuyingTimeline": words(timeline, laws.TIMELINES),
            "Rating": words(np.where(hot, 2, (rng.random(n) < 0.4).astype(np.int64)), ("Cold", "Warm", "Hot")),
            "OwnerId": ids("U", owner, width=3),
            "MergedInto": lead_ids(people, np.where(np.isfinite(merged_at), people.duplicate_of, -1)),
            "MergedDate": texts(merged_at),
        }
    )


_SOURCES = tuple(campaign.source for campaign in laws.CAMPAIGNS)
_CAMPAIGNS = tuple(campaign.name for campaign in laws.CAMPAIGNS)


def accounts_table(story: Story, rng: np.random.Generator) -> pa.Table:
    """The accounts as they stand at the export; `EmployeesRange` and `CustomerSince` were filled in for customers."""
    people, deals = story.people, story.deals
    n = len(people.employees)
    customer_since = _shown(_earliest(n, people.group[deals.leads], deals.won_at))
    band = size_band(people.employees)
    guess = rng.integers(0, len(laws.SIZE_BANDS), n)
    fate = rng.random(n)
    shown_band = np.where(np.isfinite(customer_since) | (fate < 0.4), band, np.where(fate < 0.55, guess, -1))
    accounts = np.flatnonzero(people.groups.has_account)
    number = pa.array(accounts + people.groups.first_group).cast(pa.string())
    return pa.table(
        {
            "AccountId": account_ids(people, accounts),
            "AccountName": pc.binary_join_element_wise("Example Company", number, " "),
            "CreatedDate": texts(people.account_created_at[accounts]),
            "Industry": words(people.industry[accounts], laws.INDUSTRIES),
            "Region": words(people.region[accounts], laws.REGIONS),
            "Employees": numbers(people.employees[accounts]),
            "EmployeesRange": words(shown_band[accounts], laws.SIZE_BANDS),
            "AnnualRevenue": numbers(people.revenue[accounts]),
            "CustomerSince": texts(customer_since[accounts]),
        }
    )


def activities_table(story: Story, *, first_activity: int, calls_rng: np.random.Generator) -> pa.Table:
    """The activities that were recorded by the export, in the order in which they were.

    Calls have an outcome and a length. `calls_rng` draws both, so that nothing else depends on them.
    """
    known = story.activities.of(story.activities.recorded_at < END)
    known = known.of(np.lexsort((known.lead, known.recorded_at)))
    return pa.table(
        {
            "ActivityId": ids("T", np.arange(len(known.lead)) + first_activity, width=ACTIVITY_WIDTH),
            "LeadId": lead_ids(story.people, known.lead),
            "ActivityType": words(known.kind, laws.KINDS),
            "Direction": words(known.direction, laws.DIRECTIONS),
            "ActivityDate": moments(known.occurred_at),
            "LoggedDate": moments(known.recorded_at),
            **_answers(calls_rng, is_call=known.kind == laws.CALL),
        }
    )


def _answers(rng: np.random.Generator, *, is_call: Bools) -> dict[str, pa.Array]:
    """How each call ended and how many seconds it lasted; missing of what is no call. A dial rings up to 30 seconds."""
    n = len(is_call)
    outcome = np.where(rng.random(n) < laws.NO_ANSWER_SHARE, laws.NO_ANSWER, laws.CONNECTED)
    talked = 20 + np.floor(rng.lognormal(5.2, 0.8, n))
    seconds = np.where(outcome == laws.CONNECTED, talked, rng.integers(5, 30, n)).astype(np.int64)
    return {
        "CallOutcome": words(np.where(is_call, outcome, -1), laws.CALL_OUTCOMES),
        "DurationSeconds": pa.array(seconds, mask=~is_call),
    }


def stage_history_table(story: Story, *, merged_at: Floats) -> pa.Table:
    """The stage changes that were recorded by the export; the CRM deletes those of a record that is merged away."""
    moves = story.moves
    rows = np.flatnonzero((moves.recorded_at < END) & ~np.isfinite(merged_at[moves.lead]))
    rows = rows[np.lexsort((moves.lead[rows], moves.recorded_at[rows]))]
    stage, reason = moves.stage[rows], moves.reason[rows]
    n_reasons = len(laws.DISQUALIFIED_REASONS)
    reason = np.where((stage == laws.LOST) & (reason >= 0), reason + n_reasons, reason)
    by_hand = ids("U", np.where(moves.seller[rows] == AUTOMATION, -1, moves.seller[rows] + 1), width=3)
    return pa.table(
        {
            "LeadId": lead_ids(story.people, moves.lead[rows]),
            "NewStage": words(stage, laws.STAGES),
            "ChangedDate": texts(moves.entered_at[rows]),
            "LoggedDate": texts(moves.recorded_at[rows]),
            "Reason": words(reason, laws.DISQUALIFIED_REASONS + laws.LOSS_REASONS),
            "ChangedBy": pc.fill_null(by_hand, "automation"),
        }
    )


def opportunities_table(story: Story, rng: np.random.Generator) -> pa.Table:
    """The deals as they stand at the export."""
    deals = story.deals
    rows = np.flatnonzero(deals.opened_at < END)
    closed_at = _shown(deals.closed_at[rows])
    is_closed = np.isfinite(closed_at)
    outcome = np.where(is_closed, np.where(deals.is_won[rows], 1, 2), 0)
    planned = deals.opened_at[rows] + np.floor(rng.uniform(30, 90, len(rows))) * DAY
    expected = np.where(is_closed, closed_at, np.maximum(planned, END + 5 * DAY)) // DAY * DAY
    return pa.table(
        {
            "OpportunityId": ids("O", deals.leads[rows] + story.people.first_lead, width=LEAD_WIDTH),
            "LeadId": lead_ids(story.people, deals.leads[rows]),
            "Amount": numbers(deals.amount[rows]),
            "CreatedDate": texts(deals.opened_at[rows]),
            "ExpectedCloseDate": texts(expected),
            "ClosedDate": texts(closed_at),
            "Outcome": words(outcome, laws.OUTCOMES),
            "LossReason": words(np.where(outcome == 2, deals.reason[rows], -1), laws.LOSS_REASONS),
        }
    )


def _timeline_by_sales(story: Story) -> Floats:
    """When sales set the lead's timeline to the first word, which it does for most SQLs; infinite where it did not."""
    n = story.people.n_leads
    sql_at = _shown(_earliest(n, story.deals.leads, story.deals.sql_at))
    by_sales = (np.arange(n) + story.people.first_lead) % 10 < 7
    already = np.isfinite(story.timeline.told_at) & (story.timeline.told_at < sql_at) & (story.timeline.code == 0)
    return np.where(by_sales & ~already, sql_at, np.inf)


def field_history_table(story: Story, rng: np.random.Generator) -> pa.Table:
    """The changes of `BuyingTimeline` and of `Employees` by the export."""
    people, timeline = story.people, story.timeline
    sql_at = _shown(_earliest(people.n_leads, story.deals.leads, story.deals.sql_at))
    told = np.flatnonzero((timeline.told_at < END) & (timeline.told_at < sql_at))
    set_at = _timeline_by_sales(story)
    was_set = np.flatnonzero(np.isfinite(set_at))
    before = np.where(timeline.told_at[was_set] < set_at[was_set], timeline.code[was_set], -1)
    n_accounts = len(people.employees)
    corrected_at = people.account_created_at + np.floor(rng.exponential(200 * DAY, n_accounts)) + DAY
    is_corrected = people.groups.has_account & (rng.random(n_accounts) < CORRECTED_SHARE) & (corrected_at < END)
    corrected = np.flatnonzero(is_corrected)
    guess = np.ceil(people.employees[corrected] * np.exp(rng.normal(0, 0.6, len(corrected))))
    guess = np.where(rng.random(len(corrected)) < 0.5, np.nan, guess)
    parts = [
        ("Lead", lead_ids(people, told), "BuyingTimeline", words(np.full(len(told), -1), laws.TIMELINES),
         words(timeline.code[told], laws.TIMELINES), timeline.told_at[told]),
        ("Lead", lead_ids(people, was_set), "BuyingTimeline", words(before, laws.TIMELINES),
         words(np.zeros(len(was_set), dtype=np.int64), laws.TIMELINES), set_at[was_set]),
        ("Account", account_ids(people, corrected), "Employees", numbers(guess),
         numbers(people.employees[corrected]), corrected_at[corrected]),
    ]  # fmt: skip
    tables = [
        pa.table(
            {
                "Object": pa.repeat(what, len(who)),
                "RecordId": who,
                "Field": pa.repeat(field, len(who)),
                "OldValue": old,
                "NewValue": new,
                "ChangedDate": texts(times),
            }
        )
        for what, who, field, old, new, times in parts
    ]
    return pa.concat_tables(tables)


def leads_by_month(story: Story) -> Ints:
    """New leads by campaign (row) and month (column)."""
    n_months = int(month_index(np.array([END]))[0]) + 1
    counts = np.zeros((len(laws.CAMPAIGNS), n_months), dtype=np.int64)
    np.add.at(counts, (story.people.campaign, month_index(story.people.created_at)), 1)
    return counts


def spend_table(counts: Ints, rng: np.random.Generator) -> pa.Table:
    """Marketing's monthly spend by source and campaign, in line with the leads that came."""
    cost = np.array([campaign.cost_per_lead for campaign in laws.CAMPAIGNS])
    amount = np.round(counts * cost[:, None] * np.exp(rng.normal(0, 0.1, counts.shape)), 2)
    campaign, month = np.nonzero(amount > 0)
    first_of = np.datetime64("2024-07", "M") + month
    return pa.table(
        {
            "Month": pa.array(first_of.astype("datetime64[D]").astype(str)),
            "Channel": words(campaign, _SOURCES),
            "Campaign": words(campaign, _CAMPAIGNS),
            "Amount": pa.array([f"{value:.2f}" for value in amount[campaign, month]], pa.string()),
        }
    )


def truth_table(story: Story) -> pa.Table:
    """One row a lead that became an MQL by the export: the true probabilities, and whether sales called in time."""
    people, first, deals = story.people, story.first_pass, story.deals
    shown = np.flatnonzero(first.mql_at < END)
    leads = first.leads[shown]
    known = deals.sql_at < END
    sql_at, p_win = np.full(people.n_leads, np.inf), np.full(people.n_leads, np.nan)
    sql_at[deals.leads[known]], p_win[deals.leads[known]] = deals.sql_at[known], deals.p_win[known]
    in_time = first.contacted_at[shown] <= first.mql_at[shown] + laws.HORIZON_SQL_DAYS * DAY
    return pa.table(
        {
            "lead_id": lead_ids(people, leads),
            "mql_at": moments(first.mql_at[shown]).cast(pa.timestamp("us")),
            "p_mql_to_sql": pa.array(first.p_sql[shown]),
            "was_contacted": pa.array(in_time),
            "sql_at": moments(sql_at[leads]).cast(pa.timestamp("us")),
            "p_sql_to_win": pa.array(p_win[leads], from_pandas=True),
        }
    )
