"""The simulated CRM as HubSpot, Salesforce and Pipedrive would export it: their columns and words, the same story.

Each column is one of the vendor's own pages:

| vendor | page |
|---|---|
| HubSpot | https://knowledge.hubspot.com/crm-deals/hubspots-default-deal-properties (deals), \
https://developers.hubspot.com/docs/api/crm/calls (calls), https://developers.hubspot.com/docs/api-reference/crm-crm-owners-v3/guide (owners), \
https://knowledge.hubspot.com/contacts/use-lifecycle-stages (words) |
| Salesforce | https://developer.salesforce.com/docs/atlas.en-us.sfFieldRef.meta/sfFieldRef/salesforce_field_reference_Lead.htm, \
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunity.htm, \
https://developer.salesforce.com/docs/atlas.en-us.252.0.object_reference.meta/object_reference/sforce_api_objects_task.htm; \
CampaignMember and User: the same reference; LeadHistory as http://www.salesforce.com/us/developer/docs/api/Content/sforce_api_objects_contacthistory.htm |
| Pipedrive | https://github.com/pipedrive/client-php, `docs/versions/v2/Model/`: `Deal.md`, `ActivityItem.md`, \
`OrganizationItem.md`; `docs/versions/v1/Model/User.md` |

What a vendor does not record is not in its layout: HubSpot dates no disqualification, Pipedrive's deals begin as MQLs.
What the simulated CRM does not record, and a vendor does, is made up of its ids: sellers' teams and zones, campaigns that
leads responded to, why deals were won, against whom, and at what margin.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

_COPY = "COPY ({query}) TO '{file}' (HEADER, DELIMITER '{delimiter}', QUOTE '\"', ESCAPE '\"')"

_STORY = """
CREATE TABLE leads AS SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY Id ORDER BY CreatedDate) AS nth
    FROM read_csv('{folder}/leads.csv', all_varchar = true)
    WHERE Id LIKE 'L-0%' AND MergedInto IS NULL AND try_cast(CreatedDate AS TIMESTAMPTZ) IS NOT NULL
) WHERE nth = 1;
CREATE TABLE accounts AS SELECT * FROM read_csv('{folder}/accounts.csv', all_varchar = true)
WHERE AccountId IS NOT NULL QUALIFY row_number() OVER (PARTITION BY AccountId ORDER BY CreatedDate) = 1;
CREATE TABLE moves AS SELECT LeadId, NewStage AS stage, try_cast(ChangedDate AS TIMESTAMPTZ)::TIMESTAMP AS moved, Reason
FROM read_csv('{folder}/stage_history.csv', all_varchar = true) JOIN leads ON LeadId = Id
WHERE try_cast(ChangedDate AS TIMESTAMPTZ) >= try_cast(CreatedDate AS TIMESTAMPTZ)
QUALIFY row_number() OVER (PARTITION BY LeadId, NewStage, ChangedDate) = 1;
CREATE TABLE deals AS SELECT d.* FROM read_csv('{folder}/opportunities.csv', all_varchar = true) d JOIN leads ON LeadId = Id
WHERE try_cast(d.CreatedDate AS TIMESTAMPTZ) IS NOT NULL AND try_cast(Amount AS DOUBLE) >= 0
    AND (ClosedDate IS NULL OR ClosedDate >= d.CreatedDate)
QUALIFY row_number() OVER (PARTITION BY LeadId ORDER BY OpportunityId) = 1;
CREATE TABLE acts AS SELECT a.* FROM read_parquet('{folder}/activities/*.parquet') a JOIN leads ON LeadId = Id
WHERE ActivityDate IS NOT NULL AND ActivityId IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY ActivityId ORDER BY ActivityDate) = 1;
CREATE TABLE entered AS SELECT LeadId,
    min(moved) FILTER (stage = 'New Lead') AS lead, min(moved) FILTER (stage = 'Marketing Qualified') AS mql,
    min(moved) FILTER (stage = 'Sales Accepted') AS sal, min(moved) FILTER (stage = 'Sales Qualified') AS sql,
    min(moved) FILTER (stage = 'Opportunity') AS opportunity, min(moved) FILTER (stage = 'Closed Won') AS won,
    max(moved) FILTER (stage IN ('Disqualified', 'Closed Lost')) AS lost, arg_max(stage, moved) AS now
FROM moves GROUP BY LeadId;
"""

_ID = "(try_cast(replace({}, '{}-', '') AS BIGINT) + {})"
_ISO = "strftime(({})::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.000Z')"


def _number(column: str, letter: str, start: int) -> str:
    return _ID.format(column, letter, start)


_SELLERS = """(
    SELECT OwnerId, row_number() OVER (ORDER BY OwnerId) AS nth FROM leads WHERE OwnerId IS NOT NULL GROUP BY OwnerId
)"""
_TEAM = "CASE nth % 2 WHEN 0 THEN 'North' ELSE 'South' END"
_PLACE = "CASE nth % 3 WHEN 0 THEN 'Europe/Stockholm' WHEN 1 THEN 'America/New_York' ELSE 'Europe/Berlin' END"
_WON_BECAUSE = "CASE WHEN Outcome = 'Won' THEN CASE hash(OpportunityId) % 2 WHEN 0 THEN 'Price' ELSE 'Fit' END END"
_RIVAL = "CASE WHEN Outcome <> 'Open' THEN CASE hash(OpportunityId) % 3 WHEN 0 THEN 'Acme' ELSE 'Globex' END END"


def _hubspot() -> Mapping[str, str]:
    contact, company = _number("l.Id", "L", 100_001), _number("l.AccountId", "A", 5_000_001)
    of_act = _number("a.LeadId", "L", 100_001)
    dated = ", ".join(
        f"{_ISO.format(f'e.{ours}')} AS hs_lifecyclestage_{theirs}_date"
        for ours, theirs in (
            ("lead", "lead"), ("mql", "marketingqualifiedlead"), ("sql", "salesqualifiedlead"),
            ("opportunity", "opportunity"), ("won", "customer"),
        )
    )  # fmt: skip
    return {
        "contacts.csv": f"""
            SELECT {contact} AS hs_object_id, l.FirstName AS firstname, l.LastName AS lastname, l.Email AS email,
                {_ISO.format("l.CreatedDate::TIMESTAMPTZ")} AS createdate,
                CASE WHEN e.won IS NOT NULL THEN 'customer' WHEN e.opportunity IS NOT NULL THEN 'opportunity'
                    WHEN e.sql IS NOT NULL THEN 'salesqualifiedlead' WHEN e.mql IS NOT NULL THEN 'marketingqualifiedlead'
                    ELSE 'lead' END AS lifecyclestage,
                CASE e.now WHEN 'Disqualified' THEN 'UNQUALIFIED' WHEN 'Nurture' THEN 'BAD_TIMING'
                    WHEN 'Sales Accepted' THEN 'IN_PROGRESS' ELSE 'NEW' END AS hs_lead_status,
                l.LeadSource AS hs_analytics_source, l.JobRole AS jobtitle, l.Seniority AS seniority,
                l.FormCompanySize AS first_conversion_company_size, l.OwnerId AS hubspot_owner_id,
                {company} AS associatedcompanyid, {dated}
            FROM leads l JOIN entered e ON e.LeadId = l.Id ORDER BY l.Id""",
        "companies.csv": f"""
            SELECT {_number("AccountId", "A", 5_000_001)} AS hs_object_id, AccountName AS name, Industry AS industry,
                Region AS country, Employees AS numberofemployees, AnnualRevenue AS annualrevenue,
                {_ISO.format("CreatedDate::TIMESTAMPTZ")} AS createdate
            FROM accounts ORDER BY AccountId""",
        "deals.csv": f"""
            SELECT {_number("d.OpportunityId", "O", 9_000_001)} AS hs_object_id, 'Deal ' || d.OpportunityId AS dealname,
                Amount AS amount, 'EUR' AS deal_currency_code, 'default' AS pipeline,
                CASE Outcome WHEN 'Won' THEN 'closedwon' WHEN 'Lost' THEN 'closedlost' ELSE 'contractsent' END AS dealstage,
                {_ISO.format("CreatedDate::TIMESTAMPTZ")} AS createdate,
                {_ISO.format("coalesce(ClosedDate, ExpectedCloseDate)::TIMESTAMPTZ")} AS closedate,
                lower((Outcome = 'Won')::VARCHAR) AS hs_is_closed_won, lower((Outcome <> 'Open')::VARCHAR) AS hs_is_closed,
                LossReason AS closed_lost_reason, {_WON_BECAUSE} AS closed_won_reason, {_number("d.LeadId", "L", 100_001)} AS "Associated Contact IDs"
            FROM deals d ORDER BY d.LeadId""",
        "calls.csv": f"""
            SELECT {_number("a.ActivityId", "T", 1)} AS hs_object_id, {_ISO.format("a.ActivityDate")} AS hs_timestamp,
                {_ISO.format("a.LoggedDate")} AS hs_createdate,
                CASE Direction WHEN 'Incoming' THEN 'INBOUND' ELSE 'OUTBOUND' END AS hs_call_direction,
                CallOutcome AS hs_call_disposition, DurationSeconds * 1000 AS hs_call_duration,
                {of_act} AS "Associated Contact IDs"
            FROM acts a WHERE ActivityType = 'Call' ORDER BY a.ActivityId""",
        "meetings.csv": f"""
            SELECT {_number("a.ActivityId", "T", 1)} AS hs_object_id, {_ISO.format("a.ActivityDate")} AS hs_timestamp,
                {_ISO.format("a.LoggedDate")} AS hs_createdate, 'COMPLETED' AS hs_meeting_outcome,
                {of_act} AS "Associated Contact IDs"
            FROM acts a WHERE ActivityType = 'Meeting' ORDER BY a.ActivityId""",
        "emails.csv": f"""
            SELECT {_number("a.ActivityId", "T", 1)} AS hs_object_id, {_ISO.format("a.ActivityDate")} AS hs_timestamp,
                {_ISO.format("a.LoggedDate")} AS hs_createdate,
                CASE Direction WHEN 'Incoming' THEN 'INCOMING_EMAIL' ELSE 'EMAIL' END AS hs_email_direction,
                {of_act} AS "Associated Contact IDs"
            FROM acts a WHERE ActivityType IN ('Sent Email', 'Replied To Email') ORDER BY a.ActivityId""",
        "owners.csv": f"""
            SELECT OwnerId AS id, 'invented' || nth || '@example.invalid' AS email, 'Invented' AS "firstName",
                'Seller' || nth AS "lastName", (nth + 700000)::VARCHAR AS "userId", 'false' AS archived,
                '[{{"id":"' || (nth % 2) || '","name":"' || {_TEAM} || '","primary":true}}]' AS teams
            FROM {_SELLERS} ORDER BY OwnerId""",
    }  # fmt: skip


_STATUS = """CASE {} WHEN 'New Lead' THEN 'Open - Not Contacted' WHEN 'Marketing Qualified' THEN 'Marketing Qualified'
    WHEN 'Sales Accepted' THEN 'Working - Contacted' WHEN 'Sales Qualified' THEN 'Closed - Converted'
    WHEN 'Disqualified' THEN 'Closed - Not Converted' WHEN 'Nurture' THEN 'Nurturing' END"""
_ZONED = "strftime(({})::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.000+0000')"


def _salesforce() -> Mapping[str, str]:
    lead, deal = "'00QDn' || lpad({}[3:], 13, '0')", "'006Dn' || lpad({}[3:], 13, '0')"
    act = "'00TDn' || lpad(a.ActivityId[3:], 13, '0')"
    return {
        "Lead.csv": f"""
            SELECT {lead.format("l.Id")} AS "Id", l.FirstName AS "FirstName", l.LastName AS "LastName",
                l.LastName || '@' || lower(coalesce(l.AccountId, 'gmail')) || CASE WHEN l.AccountId IS NULL THEN '.com'
                    ELSE '.example' END AS "Email",
                c.AccountName AS "Company", l.JobRole AS "Title", l.LeadSource AS "LeadSource",
                {_STATUS.format("e.status")} AS "Status", c.Industry AS "Industry", c.Employees AS "NumberOfEmployees",
                l.Rating AS "Rating", l.OwnerId AS "OwnerId", {_ZONED.format("l.CreatedDate::TIMESTAMPTZ")} AS "CreatedDate",
                (e.sql IS NOT NULL)::VARCHAR AS "IsConverted", strftime(e.sql, '%Y-%m-%d') AS "ConvertedDate",
                CASE WHEN d.OpportunityId IS NOT NULL THEN {deal.format("d.OpportunityId")} END AS "ConvertedOpportunityId"
            FROM leads l JOIN (
                SELECT *, (SELECT arg_max(stage, moved) FROM moves m
                    WHERE m.LeadId = entered.LeadId AND stage NOT IN ('Opportunity', 'Closed Won', 'Closed Lost')) AS status
                FROM entered
            ) e ON e.LeadId = l.Id LEFT JOIN accounts c USING (AccountId) LEFT JOIN deals d ON d.LeadId = l.Id
            ORDER BY l.Id""",
        "LeadHistory.csv": f"""
            SELECT '017Dn' || lpad((row_number() OVER (ORDER BY moved, LeadId))::VARCHAR, 13, '0') AS "Id",
                {lead.format("LeadId")} AS "LeadId", 'Status' AS "Field",
                lag({_STATUS.format("stage")}) OVER (PARTITION BY LeadId ORDER BY moved) AS "OldValue",
                {_STATUS.format("stage")} AS "NewValue", {_ZONED.format("moved")} AS "CreatedDate", '005Dn' AS "CreatedById"
            FROM moves WHERE stage NOT IN ('New Lead', 'Opportunity', 'Closed Won', 'Closed Lost') ORDER BY moved""",
        "Opportunity.csv": f"""
            SELECT {deal.format("OpportunityId")} AS "Id", 'Deal ' || OpportunityId AS "Name",
                CASE Outcome WHEN 'Won' THEN 'Closed Won' WHEN 'Lost' THEN 'Closed Lost' ELSE 'Negotiation/Review' END
                    AS "StageName",
                Amount AS "Amount", CASE WHEN hash(OpportunityId) % 5 = 0 THEN 'USD' ELSE 'EUR' END AS "CurrencyIsoCode",
                {_ZONED.format("CreatedDate::TIMESTAMPTZ")} AS "CreatedDate",
                strftime(coalesce(ClosedDate, ExpectedCloseDate)::TIMESTAMPTZ::TIMESTAMP, '%Y-%m-%d') AS "CloseDate",
                (Outcome <> 'Open')::VARCHAR AS "IsClosed", (Outcome = 'Won')::VARCHAR AS "IsWon",
                LossReason AS "Loss_Reason__c", {_RIVAL} AS "MainCompetitors__c"
            FROM deals ORDER BY OpportunityId""",
        "Task.csv": f"""
            SELECT {act} AS "Id", {lead.format("a.LeadId")} AS "WhoId",
                CASE ActivityType WHEN 'Call' THEN 'Call' WHEN 'Meeting' THEN 'Meeting' ELSE 'Email' END AS "TaskSubtype",
                'Completed' AS "Status", CASE WHEN ActivityType = 'Call' THEN 'Outbound' END AS "CallType",
                CallOutcome AS "CallDisposition", DurationSeconds AS "CallDurationInSeconds",
                strftime(ActivityDate, '%Y-%m-%d') AS "ActivityDate", {_ZONED.format("ActivityDate")} AS "CompletedDateTime",
                {_ZONED.format("LoggedDate")} AS "CreatedDate"
            FROM acts a WHERE ActivityType IN ('Call', 'Meeting', 'Sent Email') ORDER BY a.ActivityId""",
        "CampaignMember.csv": f"""
            SELECT '00vDn' || lpad(l.Id[3:], 13, '0') AS "Id", '701Dn' || (hash(l.Id) % 5) AS "CampaignId",
                {lead.format("l.Id")} AS "LeadId", 'Lead' AS "Type", l.LeadSource AS "LeadSource",
                CASE WHEN hash(l.Id) % 3 = 0 THEN 'Responded' ELSE 'Sent' END AS "Status",
                (hash(l.Id) % 3 = 0)::VARCHAR AS "HasResponded",
                CASE WHEN hash(l.Id) % 3 = 0 THEN strftime(l.CreatedDate::TIMESTAMPTZ, '%Y-%m-%d') END
                    AS "FirstRespondedDate",
                {_ZONED.format("l.CreatedDate::TIMESTAMPTZ")} AS "CreatedDate"
            FROM leads l WHERE hash(l.Id) % 2 = 0 ORDER BY l.Id""",
        "User.csv": f"""
            SELECT OwnerId AS "Id", 'invented' || nth || '@example.invalid' AS "Username", 'Seller' || nth AS "LastName",
                'Invented' AS "FirstName", 'Invented Seller' || nth AS "Name", {_PLACE} AS "TimeZoneSidKey",
                {_TEAM} AS "Department", '00eDn' || (nth % 4) AS "ProfileId", 'true' AS "IsActive"
            FROM {_SELLERS} ORDER BY OwnerId""",
    }  # fmt: skip


def _pipedrive() -> Mapping[str, str]:
    time = "strftime(({})::TIMESTAMP, '%Y-%m-%d %H:%M:%S')"
    deal, org = _number("l.Id", "L", 1), _number("l.AccountId", "A", 1)
    return {
        "deals.csv": f"""
            SELECT {deal} AS id, 'Deal ' || l.Id AS title, {deal} + 70000 AS person_id, {org} AS org_id,
                CASE WHEN hash(l.Id) % 10 = 0 THEN 2 ELSE 1 END AS pipeline_id,
                CASE WHEN e.opportunity IS NOT NULL THEN 4 WHEN e.sql IS NOT NULL THEN 3 WHEN e.sal IS NOT NULL THEN 2
                    ELSE 1 END AS stage_id,
                coalesce(d.Amount, '0') AS value, CASE WHEN hash(l.Id) % 7 = 0 THEN 'USD' ELSE 'EUR' END AS currency,
                {time.format("e.mql")} AS add_time,
                CASE WHEN e.won IS NOT NULL THEN 'won' WHEN e.lost > e.mql THEN 'lost' ELSE 'open' END AS status,
                {time.format("e.won")} AS won_time,
                {time.format("CASE WHEN e.won IS NULL AND e.lost > e.mql THEN e.lost END")} AS lost_time,
                d.LossReason AS lost_reason, l.OwnerId AS user_id,
                CASE WHEN e.won IS NOT NULL THEN round(0.3 * d.Amount::DOUBLE, 2) END AS "Margin",
                l.LeadSource AS channel, l.JobRole AS role, l.Seniority AS seniority
            FROM leads l JOIN entered e ON e.LeadId = l.Id LEFT JOIN deals d ON d.LeadId = l.Id
            WHERE e.mql IS NOT NULL ORDER BY l.Id""",
        "organizations.csv": f"""
            SELECT {_number("AccountId", "A", 1)} AS id, AccountName AS name, {time.format("CreatedDate::TIMESTAMPTZ")} AS add_time,
                Industry AS industry, Employees AS employees
            FROM accounts ORDER BY AccountId""",
        "activities.csv": f"""
            SELECT {_number("a.ActivityId", "T", 1)} AS id,
                CASE ActivityType WHEN 'Call' THEN 'call' WHEN 'Meeting' THEN 'meeting' ELSE 'email' END AS type,
                {_number("a.LeadId", "L", 1)} AS deal_id, strftime(ActivityDate, '%Y-%m-%d') AS due_date,
                strftime(ActivityDate, '%H:%M') AS due_time, CASE WHEN DurationSeconds IS NOT NULL THEN '00:15' END AS duration,
                CASE WHEN hash(a.ActivityId) % 12 = 0 THEN 'false' ELSE 'true' END AS done,
                CASE WHEN hash(a.ActivityId) % 12 <> 0 THEN {time.format("ActivityDate")} END AS marked_as_done_time,
                {time.format("ActivityDate - INTERVAL 1 DAY")} AS add_time
            FROM acts a JOIN entered e ON e.LeadId = a.LeadId
            WHERE e.mql IS NOT NULL AND ActivityType IN ('Call', 'Meeting', 'Sent Email') ORDER BY a.ActivityId""",
        "users.csv": f"""
            SELECT OwnerId AS id, 'Invented Seller' || nth AS name, 'EUR' AS default_currency,
                'invented' || nth || '@example.invalid' AS email, {_PLACE} AS timezone_name, 'true' AS active_flag
            FROM {_SELLERS} ORDER BY OwnerId""",
    }  # fmt: skip


LAYOUTS: Mapping[str, tuple[Callable[[], Mapping[str, str]], str]] = {
    "hubspot": (_hubspot, ","),
    "salesforce": (_salesforce, ","),
    "pipedrive": (_pipedrive, ";"),
}
"""By vendor, its files as queries about the story, and what stands between values."""


def write_layout(vendor: str, *, simulated: Path, into: Path) -> dict[str, int]:
    """The simulated export in the folder `simulated`, as `vendor` would export it, in the folder `into`.

    What is true comes back: how many leads became MQL, SQL and were won, as far as the layout shows them.
    """
    files, delimiter = LAYOUTS[vendor]
    into.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(_STORY.replace("{folder}", str(simulated)))
        for file, query in files().items():
            con.execute(_COPY.format(query=query, file=into / file, delimiter=delimiter))
        counted = con.execute(
            "SELECT count(mql), count(sql), count(won) FROM entered WHERE mql IS NOT NULL"
        ).fetchall()[0]
    true = dict(zip(("mql", "sql", "won"), counted, strict=True))
    return {stage: n for stage, n in true.items() if vendor != "pipedrive" or stage != "sql"}
