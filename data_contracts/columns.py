"""The canonical tables. Every column's contract is written once, here.

The Great Expectations suites, `docs/contracts.md` and the checks at the edge are all generated from `TABLES`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from data_contracts.vocabulary import Availability, DealOutcome, Direction, Stage

ColumnType = Literal["string", "timestamp", "number"]

DECLARED: tuple[str, ...] = ()
"""The vocabulary of a column whose words the settings declare (`TableContract.speaking`)."""

TYPES: dict[ColumnType, str] = {"string": "string", "timestamp": "timestamp", "number": "float64"}
"""Each canonical type, as Ibis calls it on every engine. Times are UTC and have no zone."""


@dataclass(frozen=True, slots=True)
class Column:
    """The contract of one column.

    `required` columns must be in the source; an optional one that is absent is filled with `filled_from`
    (another column of the row) or with missing values. A column with a `vocabulary` holds the customer's own words
    until the settings translate them; `remedy` says what to do about a word that they do not. Times are UTC and may not
    lie after the extract unless `may_be_future`. Texts are names of time zones if `is_time_zone`. A run warns where an
    optional column is absent, if it is `missed`.
    """

    name: str
    type: ColumnType
    meaning: str
    availability: Availability = Availability.IMMUTABLE
    unit: str = ""
    required: bool = True
    nullable: bool = False
    filled_from: str | None = None
    vocabulary: tuple[str, ...] | None = None
    at_least: float | None = None
    may_be_future: bool = False
    is_time_zone: bool = False
    missed: bool = True
    remedy: str = "map it in the settings"


@dataclass(frozen=True, slots=True)
class Reference:
    """Every non-missing value of `column` is the `key` of an accepted row of `table`.

    Following a reference of a table to itself (who was merged into whom) never leads in a circle.
    """

    column: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Order:
    """`later` is not before `earlier`, in the same row, or in the lead that the row belongs to (`of_lead`)."""

    later: str
    earlier: str
    of_lead: bool = False


@dataclass(frozen=True, slots=True)
class TableContract:
    """The contract of one canonical table. `without_it` says what a run loses where an optional table is absent."""

    name: str
    one_row_is: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    is_required: bool = False
    without_it: str = ""
    references: tuple[Reference, ...] = ()
    orders: tuple[Order, ...] = ()
    takes_attributes: bool = False

    def column(self, name: str) -> Column:
        """The contract of the column called `name`; raises `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    def speaking(self, declared: Mapping[str, Iterable[str]]) -> Self:
        """The contract under settings that declare words: by column, those of each whose vocabulary is declared."""
        columns = (
            replace(c, vocabulary=tuple(declared[c.name])) if c.vocabulary == DECLARED else c for c in self.columns
        )
        return replace(self, columns=tuple(columns))


_LEAD = Reference("lead_id", "leads", "lead_id")
_RECORDED = "when the CRM came to know it"


def unreadable(column: str) -> str:
    """The column that keeps, while rows are judged, the text of a value of `column` that could not be read."""
    return f"{column}_unreadable"


def _recorded_at(filled_from: str) -> Column:
    return Column("recorded_at", "timestamp", _RECORDED, unit="UTC", required=False, filled_from=filled_from)


ACCOUNTS = TableContract(
    name="accounts",
    one_row_is="a company",
    key=("account_id",),
    without_it="no company attributes and no buying-group features; each lead counts as its own account",
    takes_attributes=True,
    columns=(
        Column("account_id", "string", "the CRM's id of the account"),
        Column("created_at", "timestamp", "when the account was created", unit="UTC", required=False, nullable=True),
    ),
)

LEADS = TableContract(
    name="leads",
    one_row_is="a person who showed up in the CRM",
    key=("lead_id",),
    is_required=True,
    takes_attributes=True,
    references=(Reference("merged_into", "leads", "lead_id"),),
    orders=(Order("merged_at", "created_at"),),
    columns=(
        Column("lead_id", "string", "the CRM's id of the lead"),
        Column("account_id", "string",
               "the account the person works for; earlier ones come from attribute_changes, or it is taken as known "
               "since the lead's creation", Availability.HISTORISED, required=False, nullable=True),
        Column("created_at", "timestamp", "when the lead was created", unit="UTC"),
        Column("source", "string", "first-touch source", required=False, nullable=True),
        Column("campaign", "string", "first-touch campaign", required=False, nullable=True),
        Column("current_stage", "string",
               "where the CRM says that the lead stands at the extract; held against stage changes, never a feature",
               Availability.OVERWRITTEN, required=False, nullable=True, vocabulary=tuple(Stage)),
        Column("owner_id", "string", "the seller who owns the lead now; for lists, never a feature",
               Availability.OVERWRITTEN, required=False, nullable=True),
        Column("merged_into", "string", "the lead that this one was merged into", Availability.HISTORISED,
               required=False, nullable=True),
        Column("merged_at", "timestamp", "when it was merged", Availability.HISTORISED, unit="UTC",
               required=False, nullable=True),
    ),
)  # fmt: skip

ACTIVITIES = TableContract(
    name="activities",
    one_row_is="something that happened between a lead and us",
    key=("activity_id",),
    without_it="no behaviour features, and contact is known from stages only",
    references=(_LEAD,),
    columns=(
        Column("activity_id", "string", "the CRM's id of the activity"),
        Column("lead_id", "string", "the lead it belongs to"),
        Column("kind", "string", "what happened", vocabulary=DECLARED),
        Column("direction", "string", "who started it: the lead (inbound) or we (outbound)",
               required=False, nullable=True, vocabulary=tuple(Direction)),
        Column("occurred_at", "timestamp", "when it happened; may lie before the lead was created (anonymous visits)",
               unit="UTC"),
        _recorded_at("occurred_at"),
        Column("duration_seconds", "number", "how long it lasted", unit="seconds", required=False, nullable=True,
               at_least=0),
        Column("outcome", "string", "how it ended, in the CRM's words (connected, no answer)",
               required=False, nullable=True),
        Column("source", "string", "what brought the lead to it, in the words of the leads' sources; for attribution",
               required=False, nullable=True, missed=False),
        Column("campaign", "string", "the campaign that brought the lead to it; for attribution",
               required=False, nullable=True, missed=False),
    ),
)  # fmt: skip

STAGE_CHANGES = TableContract(
    name="stage_changes",
    one_row_is="a lead entering a stage",
    key=("lead_id", "stage", "entered_at"),
    is_required=True,
    references=(_LEAD,),
    orders=(Order("entered_at", "created_at", of_lead=True), Order("recorded_at", "entered_at")),
    columns=(
        Column("lead_id", "string", "the lead that moved"),
        Column("stage", "string", "the stage it entered", vocabulary=tuple(Stage)),
        Column("entered_at", "timestamp", "when it entered", unit="UTC"),
        _recorded_at("entered_at"),
        Column("reason", "string", "why it was lost or disqualified", required=False, nullable=True),
        Column("changed_by", "string", "id of the user or automation that moved it", required=False, nullable=True),
    ),
)

OPPORTUNITIES = TableContract(
    name="opportunities",
    one_row_is="a deal",
    key=("opportunity_id",),
    without_it="no deal amounts: expected value counts each win as one",
    references=(_LEAD,),
    orders=(
        Order("closed_at", "created_at"),
        Order("created_at", "created_at", of_lead=True),
        Order("churned_at", "closed_at"),
    ),
    columns=(
        Column("opportunity_id", "string", "the CRM's id of the deal"),
        Column("lead_id", "string", "the lead it came from"),
        Column("amount", "number", "the deal's amount now", Availability.OVERWRITTEN, unit="currency of the settings",
               required=False, nullable=True, at_least=0),
        Column("currency", "string",
               "the currency that the source gives the amount in, an ISO 4217 code; missing: that of the settings",
               Availability.OVERWRITTEN, required=False, nullable=True, vocabulary=DECLARED, missed=False,
               remedy="say in [crm.rates] what one unit of it is worth"),
        Column("created_at", "timestamp", "when the deal was created", unit="UTC"),
        Column("expected_close_at", "timestamp", "when sales expects it to close, now", Availability.OVERWRITTEN,
               unit="UTC", required=False, nullable=True, may_be_future=True),
        Column("closed_at", "timestamp", "when it closed; missing while open", Availability.HISTORISED, unit="UTC",
               required=False, nullable=True),
        Column("outcome", "string", "open, won or lost", Availability.OVERWRITTEN, vocabulary=tuple(DealOutcome)),
        Column("loss_reason", "string", "why it was lost", Availability.OVERWRITTEN, required=False, nullable=True),
        Column("win_reason", "string", "why it was won", Availability.OVERWRITTEN, required=False, nullable=True,
               missed=False),
        Column("competitor", "string", "against whom it was won or lost", Availability.OVERWRITTEN, required=False,
               nullable=True, missed=False),
        Column("objection", "string", "what the buyer objected", Availability.OVERWRITTEN, required=False,
               nullable=True, missed=False),
        Column("margin", "number", "what the deal leaves after its costs, now: as the amount, in the same currency",
               Availability.OVERWRITTEN, unit="currency of the settings", required=False, nullable=True, missed=False),
        Column("churned_at", "timestamp", "when the customer ended what a won deal sold; missing while it goes on",
               Availability.HISTORISED, unit="UTC", required=False, nullable=True, may_be_future=True, missed=False),
    ),
)  # fmt: skip

ATTRIBUTE_CHANGES = TableContract(
    name="attribute_changes",
    one_row_is="one attribute of a lead, account or opportunity changing its value",
    key=("object", "object_id", "attribute", "changed_at"),
    without_it="historised attributes have no history: every attribute must be immutable or known at creation",
    columns=(
        Column("object", "string", "what changed", vocabulary=("lead", "account", "opportunity")),
        Column("object_id", "string", "the id of the lead, account or opportunity"),
        Column("attribute", "string", "the attribute's name as declared in the settings"),
        Column("old_value", "string", "value before, as text", required=False, nullable=True),
        Column("new_value", "string", "value after, as text", nullable=True),
        Column("changed_at", "timestamp", "when it changed", unit="UTC"),
    ),
)

SPEND = TableContract(
    name="spend",
    one_row_is="marketing money spent on a source and campaign in a period",
    key=("period_start_at", "source", "campaign"),
    without_it="no cost per lead, MQL, SQL or customer",
    columns=(
        Column("period_start_at", "timestamp", "first moment of the period", unit="UTC"),
        Column("source", "string", "where the money went"),
        Column("campaign", "string", "for which campaign", required=False, nullable=True),
        Column("amount", "number", "money spent", unit="currency of the settings", at_least=0),
    ),
)

SELLERS = TableContract(
    name="sellers",
    one_row_is="somebody in sales who owns leads",
    key=("owner_id",),
    without_it="teams are those of the policy, and everybody's working hours are in the time zone of its calendar",
    columns=(
        Column("owner_id", "string", "the id that `owner_id` of leads holds"),
        Column("team", "string", "the team now; missing: the team of the policy that the lead belongs to",
               Availability.OVERWRITTEN, required=False, nullable=True),
        Column("time_zone", "string",
               "where the seller works now, a name of the IANA database; missing: that of the policy's calendar",
               Availability.OVERWRITTEN, required=False, nullable=True, is_time_zone=True),
    ),
)  # fmt: skip

TABLES: dict[str, TableContract] = {
    contract.name: contract
    for contract in (ACCOUNTS, LEADS, ACTIVITIES, STAGE_CHANGES, OPPORTUNITIES, ATTRIBUTE_CHANGES, SPEND, SELLERS)
}
"""The canonical tables by name, a referenced table always before the tables that refer to it."""
