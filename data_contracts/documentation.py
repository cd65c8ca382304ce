"""The data contracts and the glossary as pages for people, generated from what the code itself reads."""

from collections.abc import Iterator

from data_contracts.columns import DECLARED, TABLES, Column, TableContract
from data_contracts.glossary import GLOSSARY
from data_contracts.rules import row_rules

_INTRODUCTION = """\
# Data contracts

What the history must look like before anything is learnt from it. This page is generated from
`data_contracts/columns.py` and `data_contracts/rules.py`, as are the Great Expectations suites and the quarantine.

A source is one `SELECT` a table (`config/sources/<source>/<table>.sql`), and its columns carry the names below. Values
may come as text: times like `2024-02-29`, `2024-02-29 13:45:00` or `2024-02-29T13:45:00+01:00` (UTC where no offset is
given, no year before 1900), numbers like `1234.5`. Blanks around a value are dropped, and an empty text is missing.

A **row rule** refuses the row that breaches it. Refused rows go to the table `quarantine` with every rule they breach,
the value, the reason and the row as it was delivered; the rest goes on. A row of a refused lead is refused in turn.

A **table rule** stops the run, with one error that lists every breach of every table and what to do about it:

| rule | stops the run where |
|---|---|
| `<table>.is_delivered` | a required table is missing |
| `<table>.<column>.column_exists` | a required column is missing, or one of the last accepted run is gone |
| `<table>.not_empty` | a required table has no rows |
| `<table>.volume` | more rows are gone since the last accepted run than `max_volume_drop_share` of `[checks]` allows |
| `<table>.refused_share` | more rows of a table are refused than `max_refused_share` of `[checks]` allows |
| `<table>.<column>.in_vocabulary` | a word is none of ours, and the settings do not map it onto one |
| `<table>.<attribute>.not_personal` | a declared category or text holds email addresses or phone numbers |
| `<table>.<field>.is_not_written_back` | a field that we write ourselves is among the inputs |
| `<table>.<attribute>.is_one_column` | a declared attribute has the name of a column of the contract |
| `<table>.<column>.is_there_to_ask` | `[[crm.left_out]]` asks for a column that is missing |

Great Expectations judges each table rule on columns and rows and every row rule: one checkpoint, `data_contracts`, with
the suites `delivered_<table>` and `<table>` of each table. Its Data Docs are in the store, `data_docs/index.html`: the
last 30 checks, accepted or refused, with counts and no value of any row. The page of a check lists each rule that rows
breach with the command that shows these rows, such as `leadscore quarantine --rule leads.created_at.has_type`.
The counts of the last 400 checks stay in the store, `checks/`, a file each: the page Data sets the history that stands
beside them.

Words are compared without regard to case, blanks, hyphens and underscores. Columns that neither the contract nor
`[crm.attributes]` knows are left out, and the run says so. Declared attributes are added to `accounts` and `leads`;
what a declared number holds that is no number counts as missing.

What `[[crm.left_out]]` of the settings names (bot clicks, mail scanners, test and internal leads) is left out: an
account with its leads, a lead with its rows. These rows go to the table `left_out` with the name and the row as it was
delivered, and are counted by name. So of the rows of every table: delivered = accepted + refused + left out.

A lead that was merged into another leaves `leads`, and its rows become the survivor's at the end of the chain of
mergers. They count as recorded no earlier than the last merger and than the survivor's creation, and keep the times at
which they happened. A merger without a time counts as made at the extract.
"""


_DECLARED_IN = {"kind": "`[crm.kinds]`", "currency": "`currency` or `[crm.rates]`"}
"""Where the settings declare the words of a column, by its name."""


def contracts_markdown() -> str:
    """The page `docs/contracts.md`: every table with its columns, its row rules, and what a run loses without it."""
    return "\n".join([_INTRODUCTION, *(_table(contract) for contract in TABLES.values())])


def glossary_markdown() -> str:
    """The page `docs/glossary.md`: every word with its meaning."""
    rows = [f"| {word} | {meaning} |" for word, meaning in GLOSSARY.items()]
    introduction = "One word per idea, the same from column to command line."
    return "\n".join(["# Glossary", "", introduction, "", "| word | meaning |", "|---|---|", *rows, ""])


def _table(contract: TableContract) -> str:
    is_required = "Required." if contract.is_required else f"Optional; without it: {contract.without_it}."
    attributes = " The declared attributes of the settings are columns too." if contract.takes_attributes else ""
    lines = [
        f"## {contract.name}",
        "",
        f"One row is {contract.one_row_is}. {is_required}{attributes}",
        "",
        "| column | type | unit | in the source | value | known | meaning |",
        "|---|---|---|---|---|---|---|",
        *(_column(column) for column in contract.columns),
        "",
        *_vocabularies(contract),
        "Row rules:",
        "",
        *(f"- `{rule.id}`: {rule.promise}" for rule in row_rules(contract)),
        "",
    ]
    return "\n".join(lines)


def _column(column: Column) -> str:
    source = "required" if column.required else "optional"
    if column.filled_from is not None:
        source += f", else `{column.filled_from}`"
    value = "may be missing" if column.nullable else "never missing"
    cells = [f"`{column.name}`", column.type, column.unit, source, value, column.availability.value, column.meaning]
    return f"| {' | '.join(cells)} |"


def _vocabularies(contract: TableContract) -> Iterator[str]:
    for column in contract.columns:
        if column.vocabulary == DECLARED:
            yield f"Words of `{column.name}`: those that {_DECLARED_IN[column.name]} of the settings declares."
            yield ""
        elif column.vocabulary is not None:
            yield f"Words of `{column.name}`: {', '.join(f'`{word}`' for word in column.vocabulary)}."
            yield ""
