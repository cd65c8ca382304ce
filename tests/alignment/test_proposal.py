"""What data would change in the agreement: nothing that they do not support, and a file that still says the rest."""

import datetime as dt
import tomllib

import pytest

from alignment.proposal import proposal_of
from data_contracts.definitions import IcpCriterion
from data_contracts.errors import SettingsError
from data_contracts.estimates import Estimate
from data_contracts.metrics.agreed import (
    Agreed,
    CriterionCheck,
    Finding,
    GroupRate,
    RateCheck,
    Standing,
    ValueCheck,
    Weight,
)
from data_contracts.metrics.funnel import Step
from tests.alignment.test_settings_text import TEXT

SIZE = IcpCriterion(name="size", attribute="employees", at_least=50, at_most=999)
INDUSTRY = IcpCriterion(name="industry", attribute="industry", one_of=("Software", "Mining [ore]"))


def estimate(value):
    return Estimate(value=value, low=value - 0.01, high=value + 0.01)


def group(rate):
    return GroupRate(n=1200, hits=int(1200 * rate), rate=estimate(rate))


def criterion(one, weight):
    told = {name: group(0.1) for name in ("met", "missed", "unknown")}
    return CriterionCheck(
        criterion=one, **told, difference=estimate(0), adjusted=estimate(0), n_compared=9, chance=0.5, weight=weight
    )


def value(finding, attribute, *, word=None, at_least=None, at_most=None, asked=""):
    return ValueCheck(
        finding=finding,
        attribute=attribute,
        value=word,
        at_least=at_least,
        at_most=at_most,
        criterion=asked,
        held=group(0.2),
        others=group(0.1),
        difference=estimate(0.1),
        adjusted=estimate(0.09),
        chance=0.001,
    )


def agreed(*, rates=(), weights=(Weight.MATTERS, Weight.MATTERS), values=()):
    return Agreed(
        rates=rates,
        step=Step.MQL_TO_CUSTOMER,
        horizon_days=120,
        all_leads=group(0.1),
        criteria=tuple(criterion(one, weight) for one, weight in zip((SIZE, INDUSTRY), weights, strict=True)),
        values=values,
        n_looks=59,
        notes=(),
        as_of=dt.datetime(2026, 6, 30),
        definitions_version="1",
        targets_version="1",
    )


def rate(standing, measured=0.1034):
    return RateCheck(step=Step.MQL_TO_SQL, agreed=0.15, measured=estimate(measured), n=900, standing=standing)


def proposed(agreed, text=TEXT):
    return proposal_of(agreed, text, name="scoring.toml")


def criteria_of(told):
    return tomllib.loads(told.text)["definitions"]["icp"]["criteria"]


def test_where_figures_support_nothing_nothing_is_proposed():
    unclear = agreed(rates=(rate(Standing.INSIDE),), weights=(Weight.UNCLEAR, Weight.MATTERS))
    told = proposed(unclear)
    assert (told.changes, told.diff, told.by_hand, told.text) == ((), "", (), TEXT)


@pytest.mark.parametrize("standing", [Standing.TOO_HIGH, Standing.TOO_LOW])
def test_a_rate_outside_becomes_the_measured_one(standing):
    told = proposal_of(agreed(rates=(rate(standing),)), TEXT, name="mine.toml")
    assert tomllib.loads(told.text)["targets"]["rates"] == {"mql_to_sql": 0.103, "sql_to_customer": 0.3}
    assert told.diff.splitlines()[:2] == ["--- mine.toml", "+++ mine.toml as data would have it"]
    assert "+mql_to_sql = 0.103    # agreed = 0.2 before" in told.diff.splitlines()
    assert told.changes[0].what == "agree on 10.3% for MQL → SQL"
    assert told.changes[0].why == "MQL → SQL: agreed 15.0%, measured 10.3% [9.3, 11.3]: outside"


def test_a_rate_that_is_not_known_is_left_alone():
    unknown = rate(Standing.UNKNOWN).model_copy(update={"measured": Estimate(value=None, low=None, high=None)})
    assert proposed(agreed(rates=(unknown,))).changes == ()


@pytest.mark.parametrize("weight", [Weight.OTHER_WAY, Weight.NO_MATTER])
def test_a_criterion_that_does_not_help_is_left_out(weight):
    told = proposed(agreed(weights=(weight, Weight.MATTERS)))
    assert [one["name"] for one in criteria_of(told)] == ["industry"]
    assert str(weight) in told.changes[0].why


def test_the_last_criterion_stays():
    told = proposed(agreed(weights=(Weight.NO_MATTER, Weight.OTHER_WAY)))
    assert len(criteria_of(told)) == 1


def test_values_are_taken_in_and_left_out_together():
    values = (
        value(Finding.LEFT_OUT, "industry", word="Retail", asked="industry"),
        value(Finding.AGREED_BELOW, "industry", word="Mining [ore]", asked="industry"),
    )
    told = proposed(agreed(values=values))
    assert criteria_of(told)[1]["one_of"] == ["Software", "Retail"]
    assert [one.what for one in told.changes] == [
        "take 'Retail' into 'industry'",
        "leave 'Mining [ore]' out of 'industry'",
    ]
    assert "chance 0.1% after 59 looks" in told.changes[0].why


def test_a_criterion_keeps_its_last_value():
    values = [value(Finding.AGREED_BELOW, "industry", word=word, asked="industry") for word in INDUSTRY.one_of]
    assert criteria_of(proposed(agreed(values=tuple(values))))[1]["one_of"] == ["Mining [ore]"]


@pytest.mark.parametrize(
    ("ends", "left"), [({"at_most": 49.0}, {"at_most": 999}), ({"at_least": 1000.0}, {"at_least": 50})]
)
def test_an_end_of_a_range_beyond_which_leads_win_more_is_dropped(ends, left):
    told = proposed(agreed(values=(value(Finding.LEFT_OUT, "employees", asked="size", **ends),)))
    assert criteria_of(told)[0] == {"name": "size", "attribute": "employees"} | left


def test_a_range_that_loses_both_ends_stays():
    values = [
        value(Finding.LEFT_OUT, "employees", asked="size", **end) for end in ({"at_most": 4.0}, {"at_least": 1e3})
    ]
    assert proposed(agreed(values=tuple(values))).text == TEXT


def test_an_attribute_that_no_criterion_asks_for_becomes_one():
    values = (
        value(Finding.LEFT_OUT, "timeline", word="now"),
        value(Finding.LEFT_OUT, "revenue", at_least=1e6),
        value(Finding.LEFT_OUT, "timeline", word="soon"),
    )
    told = proposed(agreed(values=values))
    assert criteria_of(told)[2:] == [
        {"name": "timeline", "attribute": "timeline", "one_of": ["now", "soon"]},
        {"name": "revenue", "attribute": "revenue", "at_least": 1e6},
    ]


def test_a_criterion_that_the_file_holds_otherwise_by_now_is_left_alone():
    text = TEXT.replace("at_most = 999", "at_most = 500")
    told = proposed(agreed(weights=(Weight.NO_MATTER, Weight.MATTERS)), text)
    assert told.text == text


def test_what_cannot_be_written_is_told_for_people_to_do():
    text = TEXT.replace("mql_to_sql = 0.15    # agreed = 0.2 before", '"mql_to_sql" = 0.15')
    told = proposed(agreed(rates=(rate(Standing.TOO_HIGH),)), text)
    assert (told.changes, [one.what for one in told.by_hand]) == ((), ["agree on 10.3% for MQL → SQL"])


def test_a_file_that_is_no_toml_is_refused():
    with pytest.raises(SettingsError, match=r"mine\.toml is not valid TOML"):
        proposal_of(agreed(), "= nothing", name="mine.toml")
