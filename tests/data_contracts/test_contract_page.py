import pytest

from data_contracts.check import verdicts
from data_contracts.columns import TABLES
from data_contracts.documentation import contracts_markdown
from data_contracts.rules import row_rules


@pytest.fixture(scope="module")
def page():
    return contracts_markdown()


def test_every_table_column_and_rule_is_on_the_page(page):
    for contract in TABLES.values():
        assert f"## {contract.name}\n\nOne row is {contract.one_row_is}." in page
        assert contract.is_required or f"Optional; without it: {contract.without_it}." in page
        for column in contract.columns:
            assert f"| `{column.name}` | {column.type} | {column.unit} |" in page
            assert f"| {column.availability.value} | {column.meaning} |" in page
        for rule in row_rules(contract):
            assert f"- `{rule.id}`: {rule.judges} " in page


def test_the_page_says_what_must_be_delivered_and_what_fills_what_is_not(page):
    assert (
        "| `created_at` | timestamp | UTC | required | never missing | immutable | when the lead was created |" in page
    )
    assert "| `recorded_at` | timestamp | UTC | optional, else `entered_at` | never missing |" in page
    assert "Words of `direction`: `inbound`, `outbound`." in page


def test_promises_are_concrete(page):
    for promise in (
        "`opportunities.amount.at_least`: amount is at least 0",
        "`opportunities.closed_at.not_before`: closed_at is not before created_at",
        "`stage_changes.entered_at.not_before`: entered_at is not before the creation of its lead",
        "`spend.amount.has_type`: amount is a number",
        "`leads.merged_into.no_circle`: merged_into ends at a surviving lead",
    ):
        assert promise in page


def test_every_table_rule_is_on_the_page(page):
    told = {name: value for name, value in vars(verdicts).items() if name.isupper() and isinstance(value, str)}
    kinds = [value for value in told.values() if value.isidentifier()]
    assert len(kinds) == 5
    for kind in [*kinds, "is_delivered", "is_not_written_back", "is_one_column", "in_vocabulary"]:
        assert f".{kind}` |" in page
