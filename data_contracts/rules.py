"""The row rules of the contracts in SQL: which rows breach them, with which value, and how to say so.

The SQL speaks of the columns of a typed table, of `ACCEPTED_LEADS` joined by `lead_id` where a rule is about the lead
that a row belongs to, and of the tables that `data_contracts.merges` makes.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts.casting import HOW_TO_WRITE
from data_contracts.columns import Column, ColumnType, Order, RowRule, Rule, TableContract, row_rules
from data_contracts.privacy import masked_sql
from data_contracts.workbench import (
    ACCEPTED_LEADS,
    CIRCLES,
    SURVIVORS,
    identifier,
    literal,
    literals,
    moment,
    typed,
    unreadable,
)

_TYPES: dict[ColumnType, str] = {
    "string": "text",
    "timestamp": "a time",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}

_SHOWN_TIME = "'%Y-%m-%d %H:%M:%S'"


@dataclass(frozen=True, slots=True)
class Judge:
    """The row rules of one table, ready to be applied.

    Attributes
    ----------
    extracted_at
        Nothing may lie after it.
    are_leads_known
        Whether the leads themselves could be judged. Where not, no row can be judged by its lead.
    """

    contract: TableContract
    extracted_at: dt.datetime
    are_leads_known: bool

    @property
    def rules(self) -> tuple[RowRule, ...]:
        """Every rule that can be judged."""
        return tuple(rule for rule in row_rules(self.contract) if self.are_leads_known or not is_about_lead(rule))

    def in_row(self) -> tuple[RowRule, ...]:
        """The rules that one look at a row (and at its lead) decides."""
        return tuple(r for r in self.rules if r.rule not in (Rule.UNIQUE, Rule.NO_CIRCLE) and not is_to_itself(r))

    def among_leads(self) -> tuple[RowRule, ...]:
        """The rules about mergers of leads, which are decided when all leads have been looked at."""
        return tuple(r for r in self.rules if r.rule is Rule.NO_CIRCLE or is_to_itself(r))

    def breach(self, rule: RowRule) -> str:
        """SQL that is true for the rows that breach `rule`; `ValueError` for uniqueness, which no row shows alone."""
        if rule.order is not None:
            return f"{identifier(rule.order.later)} < {_sql_of_earlier(rule.order)}"
        if rule.rule is Rule.NO_CIRCLE:
            return f"source_row IN (SELECT source_row FROM {CIRCLES})"
        name = identifier(rule.column)
        if is_to_itself(rule):
            return f"({name} IS NOT NULL AND {name} NOT IN (SELECT lead_id FROM {ACCEPTED_LEADS}))"
        if rule.reference is not None:
            return f"({name} IS NOT NULL AND lead_created_at IS NULL)"
        return self._breach_of_column(rule.rule, column_of(rule))

    def _breach_of_column(self, rule: Rule, column: Column) -> str:
        name, text = identifier(column.name), identifier(unreadable(column.name))
        is_missing = f"{name} IS NULL" if column.type == "string" else f"({name} IS NULL AND {text} IS NULL)"
        return {
            Rule.HAS_TYPE: f"{text} IS NOT NULL",
            Rule.NOT_MISSING: is_missing,
            Rule.IN_VOCABULARY: f"{name} NOT IN ({literals(column.vocabulary or ())})",
            Rule.AT_LEAST: f"{name} < {column.at_least}",
            Rule.NOT_IN_FUTURE: f"{name} > {moment(self.extracted_at)}",
        }[rule]

    def breaching_rows(self, rule: RowRule, *, source: str) -> str:
        """SELECT of the `source_row` of each row of `source` that breaches `rule`."""
        if rule.rule is Rule.UNIQUE:
            # One row of each key is kept, whichever: as many rows are too many as there are beyond the first.
            return (
                f"SELECT unnest(range(1, n)) AS source_row FROM (SELECT count(*) AS n FROM {source} {self._key_joins()}"
                f" WHERE {self._repeated(source=source)} GROUP BY {self._key()} HAVING count(*) > 1)"
            )
        joins = self.lead_join() if is_about_lead(rule) and not is_to_itself(rule) else ""
        return f"SELECT source_row FROM {source} {joins} WHERE {self.breach(rule)}"

    def lead_join(self) -> str:
        """The join with the lead that a row belongs to; nothing where rows belong to no lead."""
        belongs = any(r.reference and not is_to_itself(r) for r in self.rules)
        return f"LEFT JOIN {ACCEPTED_LEADS} USING (lead_id)" if belongs else ""

    def repeated_rows(self, *, breached: str) -> str:
        """SELECT of the `source_row` of each row whose key an earlier row has too.

        Kept is the first row that breaches nothing else (`breached` is a SELECT of the rows that do), and a lead's own
        row before one that came to it by a merger.
        """
        is_merged = "survivor_id IS NOT NULL" if self._key_joins() else "false"
        return (
            f"SELECT source_row FROM {typed(self.contract.name)} {self._key_joins()}"
            f" WHERE {self._repeated(source=typed(self.contract.name))}"
            f" QUALIFY row_number() OVER (PARTITION BY {self._key()}"
            f" ORDER BY source_row IN ({breached}), {is_merged}, source_row) > 1"
        )

    def _repeated(self, *, source: str) -> str:
        # Grouping short hashes takes a fraction of the memory of grouping keys; what collides is told apart afterwards.
        given = [identifier(c) for c in self.contract.key if not self.contract.column(c).nullable]
        is_given = " AND ".join(f"{column} IS NOT NULL" for column in given)
        return (
            f"{is_given} AND hash({self._key()}) IN (SELECT hash({self._key()}) FROM {source} {self._key_joins()}"
            f" WHERE {is_given} GROUP BY 1 HAVING count(*) > 1)"
        )

    def _key(self) -> str:
        columns = (
            "coalesce(survivor_id, lead_id)" if name == "lead_id" and self._key_joins() else identifier(name)
            for name in self.contract.key
        )
        return ", ".join(columns)

    def _key_joins(self) -> str:
        """Rows of merged leads become their survivor's: a key with the lead in it must be unique after that."""
        is_of_lead = "lead_id" in self.contract.key and self.contract.name != "leads"
        return f"LEFT JOIN (SELECT lead_id, survivor_id FROM {SURVIVORS}) USING (lead_id)" if is_of_lead else ""


def promise(rule: RowRule) -> str:
    """What `rule` promises, as a sentence about its column.

    >>> from data_contracts.columns import STAGE_CHANGES
    >>> [promise(rule) for rule in row_rules(STAGE_CHANGES)][-3:]  # doctest: +NORMALIZE_WHITESPACE
    ['lead_id is an accepted lead', 'entered_at is not before the creation of its lead',
    'recorded_at is not before entered_at']
    """
    column = rule.column_contract
    if rule.order is not None:
        return f"{rule.column} is not before {_name_of_earlier(rule.order)}"
    return (
        f"{rule.column} "
        + {
            Rule.HAS_TYPE: f"is {_TYPES[column.type]}" if column else "",
            Rule.NOT_MISSING: "is not missing",
            Rule.IN_VOCABULARY: "is one of our words, or the settings map it onto one",
            Rule.AT_LEAST: f"is at least {column.at_least}" if column else "",
            Rule.NOT_IN_FUTURE: "does not lie after the extract",
            Rule.UNIQUE: "is unique (of rows with the same one, the first that breaches nothing else is kept)",
            Rule.REFERENCES: "is an accepted lead",
            Rule.NO_CIRCLE: "ends at a surviving lead, however long the chain of mergers",
        }[rule.rule]
    )


def _name_of_earlier(order: Order) -> str:
    return "the creation of its lead" if order.of_lead else order.earlier


def _sql_of_earlier(order: Order) -> str:
    return "lead_created_at" if order.of_lead else identifier(order.earlier)


def column_of(rule: RowRule) -> Column:
    """The contract of the column that `rule` judges; raises `ValueError` where it judges more than a column."""
    if rule.column_contract is None:
        raise ValueError(f"{rule.id} is not about one column")
    return rule.column_contract


def is_about_lead(rule: RowRule) -> bool:
    """Whether `rule` asks for the lead that a row belongs to, or for another lead."""
    return rule.reference is not None or (rule.order is not None and rule.order.of_lead)


def is_to_itself(rule: RowRule) -> bool:
    """Whether `rule` is about a reference of a table to itself."""
    return rule.reference is not None and rule.reference.table == rule.table


def key_text(contract: TableContract) -> str:
    """SQL of a row's key as one text; missing parts are empty."""
    return f"concat_ws('|', {', '.join(_shown(contract, name) for name in contract.key)})"


def value_text(rule: RowRule, contract: TableContract) -> str:
    """SQL of the value that breaches `rule`, as text."""
    if rule.rule is Rule.UNIQUE:
        return key_text(contract)
    if rule.rule is Rule.HAS_TYPE:
        return identifier(unreadable(rule.column))
    return _shown(contract, rule.column, missing="NULL")


def _shown(contract: TableContract, name: str, *, missing: str = "''") -> str:
    column = identifier(name)
    text = (
        f"strftime({column}, {_SHOWN_TIME})"
        if contract.column(name).type == "timestamp"
        else f"CAST({column} AS VARCHAR)"
    )
    return text if missing == "NULL" else f"coalesce({text}, {missing})"


def reason_text(rule: RowRule, contract: TableContract, *, extracted_at: dt.datetime) -> str:
    """SQL of the sentence that says which value breaches `rule`, what was expected, and what to do."""
    if rule.rule is Rule.NOT_MISSING:
        return literal(f"{rule.column} is missing; fill it in")
    quote = literal("'")
    text = f"coalesce({masked_sql(value_text(rule, contract))}, {literal('')})"
    value = f"{literal(rule.column + ' ')} || {quote} || {text} || {quote} || ' '"
    if rule.order is not None:
        time = f"coalesce(strftime({_sql_of_earlier(rule.order)}, {_SHOWN_TIME}), '')"
        return f"{value} || 'lies before {_name_of_earlier(rule.order)}, ' || {time} || '; correct one of them'"
    return f"{value} || {literal(_complaint(rule, extracted_at=extracted_at))}"


def _complaint(rule: RowRule, *, extracted_at: dt.datetime) -> str:
    column = rule.column_contract
    return {
        Rule.HAS_TYPE: f"is not {HOW_TO_WRITE[column.type]}" if column else "",
        Rule.IN_VOCABULARY: f"is none of {', '.join(column.vocabulary or ())}; map it in the settings"
        if column
        else "",
        Rule.AT_LEAST: f"is less than {column.at_least}; correct it" if column else "",
        Rule.NOT_IN_FUTURE: f"lies after the extract of {extracted_at:%Y-%m-%d %H:%M:%S} UTC; correct it",
        Rule.UNIQUE: "is not unique: another row with it is kept; deliver one of them",
        Rule.REFERENCES: "is no accepted lead (unknown, or refused itself); deliver it, or correct the id",
        Rule.NO_CIRCLE: "leads in a circle: the chain of mergers never ends at a surviving lead; correct one of them",
    }[rule.rule]


def columns_judged(rules: Sequence[RowRule]) -> dict[str, str]:
    """SQL that counts, by rule id, the values that Great Expectations looks at when it judges a rule."""
    counts = {}
    for rule in rules:
        name = identifier(rule.column)
        if rule.rule in (Rule.IN_VOCABULARY, Rule.AT_LEAST, Rule.NOT_IN_FUTURE):
            counts[rule.id] = f"count({name})"
        elif rule.rule is Rule.NOT_MISSING and column_of(rule).type != "string":
            counts[rule.id] = f"count(*) FILTER (WHERE {identifier(unreadable(rule.column))} IS NULL)"
        elif rule.order is not None and not rule.order.of_lead:
            both = f"{identifier(rule.order.later)} IS NOT NULL AND {identifier(rule.order.earlier)} IS NOT NULL"
            counts[rule.id] = f"count(*) FILTER (WHERE {both})"
        else:
            counts[rule.id] = "count(*)"
    return counts
