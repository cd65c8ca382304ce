"""What is promised of each table, before any framework judges it."""

import dataclasses

import pytest

from data_contracts.check.deliver import receive
from data_contracts.check.judge_tables import judge_tables
from data_contracts.check.suites import Expected, suites_of
from data_contracts.settings import Checks
from tests.data_contracts.raw_rows import LENIENT, engine_of, many, raw
from tests.example_history import EXTRACTED_AT


@pytest.fixture
def promised():
    """Makes the suites on three clean leads: by name, each promise by its rule."""

    def made(*, rows=None, checks=None, **before):
        history = raw(rows or many(3))
        engine, tables = engine_of(history), receive(history, LENIENT.crm)
        judged = judge_tables(engine, tables, settings=LENIENT, extracted_at=EXTRACTED_AT).tables
        expected = [
            dataclasses.replace(
                Expected(table, (), rows_before=0, judged=judged.get(table.name), extracted_at=EXTRACTED_AT), **before
            )
            for table in tables
        ]
        suites = suites_of(engine, expected, checks=checks or Checks())
        return {suite.name: {promise.rule: promise for promise in suite.promises} for suite in suites}

    return made


def test_each_table_has_a_suite_on_its_delivery_and_one_on_its_rows(promised):
    suites = promised()
    assert list(suites) == ["delivered_leads", "leads", "delivered_stage_changes", "stage_changes"]
    assert set(suites["delivered_stage_changes"]) == {
        "stage_changes.lead_id.column_exists",
        "stage_changes.stage.column_exists",
        "stage_changes.entered_at.column_exists",
    }


def test_rows_without_a_required_column_are_not_judged(promised):
    rows = many(3)
    for row in rows["leads"]:
        del row["created_at"]
    assert list(promised(rows=rows)) == ["delivered_leads", "delivered_stage_changes", "stage_changes"]


def test_a_column_and_a_number_of_rows_of_the_last_run_are_promised_again(promised):
    suites = promised(columns_before=("campaign",), rows_before=100, checks=Checks(max_volume_drop_share=0.3))
    assert suites["delivered_leads"]["leads.campaign.column_exists"].sentence == "campaign is there"
    volume = suites["delivered_leads"]["leads.volume"]
    assert (volume.expectation.options, volume.sentence) == (
        {"min_value": 70},
        "there are at least 70 rows, after 100 in the last run",
    )


def test_a_rule_about_rows_refuses_them_and_every_other_stops_the_run(promised):
    leads = promised()["leads"]
    assert leads["leads.created_at.has_type"].severity == "warning"
    assert {leads[rule].severity for rule in ("leads.not_empty", "leads.refused_share")} == {"critical"}
