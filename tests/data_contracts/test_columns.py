from collections import Counter

import pytest

from data_contracts.column_rules import HasType
from data_contracts.columns import LEADS, TABLES, TableContract
from data_contracts.rules import NoCircle, References, row_rules

EVERY_CONTRACT = pytest.mark.parametrize("contract", TABLES.values(), ids=lambda contract: contract.name)


def test_a_table_comes_after_the_tables_that_it_refers_to():
    names = list(TABLES)
    places = {
        (contract.name, reference.table): names.index(contract.name) - names.index(reference.table)
        for contract in TABLES.values()
        for reference in contract.references
    }
    assert ("stage_changes", "leads") in places
    assert [pair for pair, place in places.items() if place < 0] == []


@EVERY_CONTRACT
def test_every_rule_and_key_is_about_columns_of_the_contract(contract: TableContract):
    columns = {column.name for column in contract.columns}
    rules = list(row_rules(contract))
    judged = {name for rule in rules for name in rule.judges.split("+")}
    assert set(contract.key) <= judged <= columns
    assert [rule.id for rule in rules] == [f"{contract.name}.{rule.judges}.{rule.kind}" for rule in rules]


@EVERY_CONTRACT
def test_rule_ids_tell_the_rules_of_a_table_apart(contract: TableContract):
    ids = Counter(rule.id for rule in row_rules(contract))
    assert [rule for rule, n in ids.items() if n > 1] == []


@EVERY_CONTRACT
def test_every_time_is_read_as_one_and_says_that_it_is_utc(contract: TableContract):
    times = [column for column in contract.columns if column.type == "timestamp"]
    assert {(column.name[-3:], column.unit) for column in times} <= {("_at", "UTC")}
    typed = {rule.judges for rule in row_rules(contract) if isinstance(rule, HasType)}
    assert {column.name for column in times} <= typed


@EVERY_CONTRACT
def test_what_a_run_loses_without_a_table_is_said_of_optional_tables_only(contract: TableContract):
    assert bool(contract.without_it) != contract.is_required


def test_a_filled_column_is_never_missing_unless_what_fills_it_is():
    rules = {rule.id for contract in TABLES.values() for rule in row_rules(contract)}
    assert "activities.occurred_at.not_missing" in rules
    assert "activities.recorded_at.not_missing" not in rules


def test_a_reference_to_the_same_table_may_not_run_in_a_circle():
    assert [rule.id for rule in row_rules(LEADS) if isinstance(rule, References | NoCircle)] == [
        "leads.merged_into.references",
        "leads.merged_into.no_circle",
    ]


def test_an_unknown_column_is_named():
    with pytest.raises(KeyError, match="leads has no column 'shoe_size'"):
        LEADS.column("shoe_size")
