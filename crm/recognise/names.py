"""What columns, tables and words are called in CRMs: the names by which they are recognised.

Names of vendors are those of their own pages:

- HubSpot: knowledge.hubspot.com/crm-deals/hubspots-default-deal-properties, developers.hubspot.com/docs/api/crm/calls
- Salesforce: developer.salesforce.com, Object Reference: Lead, LeadHistory, Opportunity, Task
- Pipedrive: github.com/pipedrive/client-php, docs/versions/v2/Model: Deal, Activity, Organization
"""

import re
from collections.abc import Callable, Collection

from crm.recognise.looked_at import Column, Table
from data_contracts.vocabulary import Stage

CREATED = (
    "created_date", "create_date", "createdate", "created_at", "created_on", "created", "add_time", "date_created",
    "creation_date", "first_contact_date", "first_contact_at", "reg_date", "registered_at", "submitted_at",
    "signup_date",    "deal_created", "lead_created",
)  # fmt: skip
KEYS = ("id", "record_id", "hs_object_id", "uuid", "guid", "key", "number")
ACCOUNT = (
    "account_id", "company_id", "associated_company_id", "associatedcompanyid", "associated_company_ids", "org_id",
    "organization_id", "organisation_id", "customer_id",
)  # fmt: skip
SOURCE = (
    "lead_source", "source", "origin", "analytics_source", "original_source", "original_traffic_source", "channel",
    "utm_source", "acquisition_channel", "marketing_channel",
)  # fmt: skip
CAMPAIGN = (
    "campaign", "campaign_name", "utm_campaign", "first_campaign", "analytics_first_touch_converting_campaign",
    "first_touch_converting_campaign", "campaign_id", "analytics_source_data_1", "original_source_drill_down_1",
    "original_traffic_source_drill_down_1",
)  # fmt: skip
SOURCE_OF_ACTIVITY = ("utm_source", "traffic_source", "source", "channel")
CAMPAIGN_OF_ACTIVITY = ("utm_campaign", "campaign_name", "campaign", "campaign_id")
OWNER = ("owner_id", "hubspot_owner_id", "owner", "user_id", "sales_owner", "assigned_to", "sdr_id")
TEAM = (
    "team", "team_name", "primary_team", "main_team", "sales_team", "teams", "department", "division",
    "user_role_name", "user_role", "role_name",
)  # fmt: skip
TIME_ZONE = ("time_zone", "timezone", "time_zone_sid_key", "timezone_name", "time_zone_name", "timezone_id", "tz")
MERGED_INTO = ("merged_into", "merged_into_id", "master_record_id", "merge_what_id")
MERGED_AT = ("merged_date", "merged_at", "merge_date")
STAGE_NOW = (
    "lifecyclestage",
    "lifecycle_stage",
    "current_stage",
    "lead_status",
    "status",
    "stage",
    "stage_name",
    "dealstage",
)
STAGE_ENTERED = (
    "new_stage",
    "to_stage",
    "stage",
    "stage_name",
    "new_status",
    "to_status",
    "status",
    "lifecycle_stage",
    "stage_id",
)
ENTERED = ("changed_date", "changed_at", "entered_at", "entered_date", "changed_on", "change_date", "created_date",
           "created_at", "date", "timestamp", "log_time", "time", "since")  # fmt: skip
LOGGED = ("logged_date", "logged_at", "recorded_at", "recorded_date", "synced_at")
REASON = ("reason", "lost_reason", "loss_reason", "closed_lost_reason", "disqualified_reason", "status_reason")
WIN_REASON = ("win_reason", "won_reason", "closed_won_reason", "reason_won")
COMPETITOR = (
    "competitor", "main_competitor", "main_competitors", "primary_competitor", "competitor_name", "competitors",
    "lost_to_competitor", "lost_to",
)  # fmt: skip
OBJECTION = ("objection", "main_objection", "primary_objection", "objections", "buyer_objection")
MARGIN = ("margin", "margin_amount", "gross_margin", "contribution_margin", "gross_profit", "profit")
CHURNED = ("churned_at", "churn_date", "churned_date", "churned_on", "date_churned", "churn_time", "churned_time")
CHANGED_BY = ("changed_by", "changed_by_id", "created_by_id", "user_id")
FIELD = ("field", "field_name", "field_key", "attribute", "property", "property_name")
NEW_VALUE = ("new_value", "value_new", "to_value", "value")
OLD_VALUE = ("old_value", "value_old", "from_value", "previous_value")
OBJECT, OBJECT_ID = ("object", "object_type", "entity"), ("record_id", "object_id", "parent_id", "entity_id")
KIND = (
    "activity_type",
    "task_subtype",
    "kind",
    "type",
    "event_type",
    "event_name",
    "event",
    "engagement_type",
    "activity",
)
OCCURRED = (
    "first_responded_date", "completed_date_time", "marked_as_done_time", "occurred_at", "occurred_on",
    "activity_date", "timestamp", "event_time", "start_time", "meeting_start_time", "start_date_time",
    "activity_date_time", "call_time", "date", "time", "due_date", "created_date", "created_at", "createdate",
    "create_date", "add_time",
)  # fmt: skip
RECORDED = (*LOGGED, "created_date", "createdate", "create_date", "created_at", "add_time", "lastmodifieddate")
DIRECTION = ("direction", "call_direction", "email_direction", "call_type")
OUTCOME_OF_ACTIVITY = ("call_outcome", "call_disposition", "outcome", "meeting_outcome", "call_status", "result")
DURATION = (
    "duration_seconds",
    "call_duration_in_seconds",
    "call_duration",
    "duration",
    "duration_in_minutes",
    "duration_minutes",
)
DONE = ("done", "is_closed", "is_done", "completed", "is_completed")
AMOUNT = ("amount", "deal_value", "value", "deal_amount", "amount_in_company_currency", "total", "revenue", "price")
CURRENCY = ("currency", "currency_iso_code", "deal_currency_code", "currency_code")
EXPECTED = ("expected_close_date", "expected_close_at", "expected_close", "estimated_close_date")
CLOSED = ("closed_date", "closed_at", "close_time", "closed_on", "close_date", "closedate", "date_closed")
OUTCOME = ("outcome", "status", "result", "stage_name", "dealstage", "deal_stage", "stage", "deal_status")
IS_WON, IS_CLOSED = ("is_won", "is_closed_won", "won"), ("is_closed", "closed")
PIPELINE = ("pipeline", "pipeline_id", "pipeline_name", "record_type_id", "sales_process")
MONTH = ("month", "period", "period_start", "period_start_at", "date", "day", "week")
SPENT = ("amount", "spend", "cost", "spent", "amount_spent", "budget")
EXPORTED = ("exported_at", "extracted_at", "export_date", "export_time", "snapshot_at", "as_of")
EMAIL = ("email", "email_address", "e_mail", "work_email")
EVENT = ("activity", "concept_name", "event", *KIND, *STAGE_ENTERED)

KNOWN = frozenset(
    {*CREATED, *KEYS, *SOURCE, *CAMPAIGN, *OWNER, *STAGE_NOW, *EVENT, *ENTERED, *LOGGED, *FIELD, *OCCURRED, *DIRECTION}
    | {*OUTCOME_OF_ACTIVITY, *DURATION, *DONE, *OUTCOME, *PIPELINE, *EMAIL, *SOURCE_OF_ACTIVITY, *CAMPAIGN_OF_ACTIVITY}
    | {*TEAM, *TIME_ZONE, *WIN_REASON, *COMPETITOR, *OBJECTION}
)
"""Names by which a column is recognised even where its form could be that of a person's."""

_PREFIXES = (
    "hs_", "properties_", "property_", "lead_", "contact_", "person_", "deal_", "opportunity_", "activity_", "task_",
    "call_",    "email_", "meeting_", "company_", "account_", "organization_",
)  # fmt: skip
_ANY = r"(^|_)({})(s|es)?(_|$)"

TABLE_WORDS = {
    "leads": re.compile(_ANY.format("lead|mql|enquir(y|ie)|inquir(y|ie)|prospect|applicant|contact|person|people")),
    "accounts": re.compile(_ANY.format("account|compan(y|ie)|organi[sz]ation|org|customer")),
    "activities": re.compile(
        _ANY.format(
            "activit(y|ie)|task|call|e?mail|meeting|engagement|event|touch|note|visit|chat|webinar|form|submission"
            "|campaign_member"
        )
    ),
    "campaign_members": re.compile(_ANY.format("campaign_(member|response)")),
    "history": re.compile(_ANY.format("histor(y|ie)|change|flow|transition|lifecycle|audit|log")),
    "deals": re.compile(_ANY.format("deal|opportunit(y|ie)|sale")),
    "sellers": re.compile(_ANY.format("user|owner|seller|sales_?(person|people|rep)|rep|sdr|staff|employee")),
    "spend": re.compile(_ANY.format("spend|cost|budget|campaign_cost|ad_spend")),
}
"""By what a table may be, how its file is called."""

_STAGES: tuple[tuple[Stage, str], ...] = (
    (Stage.NURTURE, r"nurtur|recycl|not_now|bad_timing"),
    (Stage.DISQUALIFIED, r"disqualif|unqualif|not_qualif|rejected|junk|not_converted|bad_fit|spam"),
    (Stage.LOST, r"(^|_)lost(_|$)|closedlost|declined|cancell?ed|churn|refused"),
    (Stage.WON, r"(^|_)won(_|$)|closedwon|customer|evangelist|approved|signed"),
    (Stage.LEAD, r"not_contacted|(^|_)new(_|$)|subscriber|(^|_)raw(_|$)"),
    (Stage.MQL, r"(^|_)mql(_|$)|marketing_?qualified|first_contact"),
    (Stage.SAL, r"(^|_)sal(_|$)|sales_?accepted|working|contacted|connected|in_progress|attempt"),
    (Stage.SQL, r"(^|_)sql(_|$)|sales_?qualified|(^|_)qualified|qualifiedtobuy|converted"),
    (Stage.OPPORTUNITY, r"opportunit|proposal|negotiat|contract|quote|presentation|demo|appointment|decision"),
    (Stage.LEAD, r"(^|_)leads?(_|$)|(^|_)open(_|$)|^other$"),
)
"""The first pattern that a word's plain form holds says its stage."""

_NO_ENTRY = re.compile(
    r"exit|latest|cumulative|expected|modified|(^|_)last(_|$)|next|update|time_in|days_|merged|churn|due|close_date|closedate"
)


def plain(name: str) -> str:
    """`name` in snake case, without the mark of a custom field.

    >>> [plain(name) for name in ("CreatedDate", "Became an MQL Date", "Score__c", "MQLDate", "e-mail")]
    ['created_date', 'became_an_mql_date', 'score', 'mql_date', 'e_mail']
    """
    name = re.sub(r"__c$", "", name.strip())
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def variants(name: str) -> frozenset[str]:
    """The plain form of a column's name, also without what its object adds to it.

    >>> sorted(variants("hs_call_direction"))
    ['call_direction', 'direction', 'hs_call_direction']
    """
    found = {plain(name)}
    for _ in range(2):
        found |= {form.removeprefix(prefix) for form in found for prefix in _PREFIXES if form.startswith(prefix)}
    return frozenset(found)


def find(
    table: Table,
    names: Collection[str],
    accept: Callable[[Column], bool] = lambda column: column.n_filled > 0,
    *,
    but: Collection[Column | None] = (),
) -> Column | None:
    """The column of `table` that bears the earliest of `names` and is accepted, none of `but`; None where none does."""
    forms = [(column, variants(column.name)) for column in table.columns if column not in but]
    for name in names:
        for is_exact in (True, False):
            for column, its in forms:
                if (plain(column.name) == name if is_exact else name in its) and accept(column):
                    return column
    return None


def may_be(table: Table, what: str) -> bool:
    """Whether the file of `table` is called as `what` (a key of `TABLE_WORDS`) is."""
    return TABLE_WORDS[what].search(plain(table.name)) is not None


def stage_of(word: str) -> Stage | None:
    """The stage that a word of a CRM is by its form; None where it is none that we know.

    >>> [str(stage_of(word)) for word in ("Marketing Qualified", "closedwon", "Not Contacted", "Unqualified", "X")]
    ['mql', 'won', 'lead', 'disqualified', 'None']
    """
    form = plain(word)
    return next((stage for stage, pattern in _STAGES if re.search(pattern, form)), None)


def stage_entered(column: Column) -> Stage | None:
    """The stage whose entry a column of times dates by its name; None where it dates none.

    >>> def dated(name): return stage_entered(Column(name, 1, 1, 0.0, (), None, False, False))
    >>> str(dated("hs_lifecyclestage_salesqualifiedlead_date")), dated("hs_date_exited_customer")
    ('sql', None)
    """
    form = plain(column.name)
    if _NO_ENTRY.search(form) or form in CREATED:
        return None
    bare = re.sub(r"lifecycle_?stage|lead_status|(^|_)lead_", "_", re.sub(r"qualified_?lead", "qualified", form))
    found = stage_of(bare)
    return None if found in (None, Stage.LEAD) else found
