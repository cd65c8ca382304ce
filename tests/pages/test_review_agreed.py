"""What was agreed against what was measured, on a review."""

import datetime as dt
from typing import Any

import pytest

from data_contracts.definitions import IcpCriterion
from data_contracts.estimates import Estimate
from data_contracts.metrics.agreed import (
    Agreed,
    Change,
    CriterionCheck,
    Finding,
    GroupRate,
    Proposal,
    RateCheck,
    Standing,
    ValueCheck,
    Weight,
)
from data_contracts.metrics.funnel import Step
from pages.formats import Formats
from pages.review_agreed import agreed_section
from pages.sections import Section
from tests.example_sections import seen_of
from tests.example_site import EVIL

FORMATS = Formats("en", "EUR", "UTC")
UNKNOWN = Estimate(value=None, low=None, high=None)
NOTHING = Proposal(changes=(), text="", diff="", by_hand=())


def about(value: float, by: float = 0.05) -> Estimate:
    return Estimate(value=value, low=value - by, high=value + by)


def group(value: float, n: int = 100) -> GroupRate:
    return GroupRate(n=n, hits=round(value * n), rate=about(value))


def rate(standing: Standing, agreed: float = 0.5, measured: Estimate | None = None) -> RateCheck:
    return RateCheck(step=Step.MQL_TO_SQL, agreed=agreed, measured=measured or about(0.3), n=80, standing=standing)


def criterion(weight: Weight, name: str = "size", **changes: Any) -> CriterionCheck:
    told: dict[str, Any] = {
        "criterion": IcpCriterion(name=name, attribute="employees", at_least=50),
        "met": group(0.4),
        "missed": group(0.2),
        "unknown": GroupRate(n=0, hits=0, rate=UNKNOWN),
        "difference": about(0.2),
        "adjusted": about(0.25),
        "n_compared": 180,
        "chance": 0.01,
        "weight": weight,
    }
    return CriterionCheck(**(told | changes))


def value(said: str = "mining", chance: float = 0.02) -> ValueCheck:
    return ValueCheck(
        finding=Finding.LEFT_OUT,
        attribute="industry",
        value=said,
        at_least=None,
        at_most=None,
        criterion="",
        held=group(0.6, 40),
        others=group(0.2),
        difference=about(0.4),
        adjusted=about(0.35),
        chance=chance,
    )


def agreed(**changes: Any) -> Agreed:
    told: dict[str, Any] = {
        "rates": (),
        "step": Step.MQL_TO_CUSTOMER,
        "horizon_days": 150,
        "all_leads": group(0.3, 1_200),
        "criteria": (),
        "values": (),
        "n_looks": 59,
        "notes": (),
        "as_of": dt.datetime(2026, 6, 30, 18),
        "definitions_version": "1",
        "targets_version": "1",
    }
    return Agreed(**(told | changes))


def section_of(told: Agreed, proposal: Proposal = NOTHING) -> Section:
    return agreed_section(told, FORMATS, proposal=proposal, name="quarter")


def test_a_rate_outside_what_was_measured_is_the_finding():
    section = section_of(
        agreed(rates=(rate(Standing.INSIDE), rate(Standing.TOO_HIGH)), criteria=(criterion(Weight.NO_MATTER),))
    )
    assert section.heading == (
        "1 of 2 agreed rates lie outside what was measured: MQL → SQL is agreed at 50%, measured 30% (25% to 35%)"
    )
    assert (section.figures[0].value, section.figures[0].beside, section.figures[0].is_bad) == ("1", "of 2", True)


@pytest.mark.parametrize("weight", [Weight.NO_MATTER, Weight.OTHER_WAY])
def test_a_criterion_that_is_of_no_use_is_the_finding_where_rates_hold(weight):
    section = section_of(
        agreed(rates=(rate(Standing.INSIDE),), criteria=(criterion(Weight.MATTERS, "a"), criterion(weight)))
    )
    assert section.heading == (
        f"The criterion size {weight}: MQL → customer 40% (35% to 45%) of those that meet it, 20% (15% to 25%) of the "
        "others"
    )
    assert section.figures[1].is_bad


def test_a_value_that_wins_and_is_left_out_is_the_finding_where_all_else_holds():
    section = section_of(agreed(criteria=(criterion(Weight.MATTERS),), values=(value(),)))
    assert section.heading == (
        "industry = mining wins, and is left out: MQL → customer 60% (55% to 65%), of all others 20% (15% to 25%)"
    )


def test_where_data_bear_the_agreement_out_it_says_how_much_of_it():
    told = agreed(rates=(rate(Standing.INSIDE),), criteria=(criterion(Weight.MATTERS), criterion(Weight.UNCLEAR)))
    section = section_of(told)
    assert section.heading == (
        "Data contradict nothing that was agreed: 1 of 1 agreed rates lie within what was measured, 1 of 2 criteria of "
        "the profile matter"
    )
    assert section.figures[1].beside == "of 2, 1 too few to say"
    assert section.said.startswith("Data propose no change of the settings.")


def test_too_few_to_say_is_no_praise():
    told = agreed(rates=(rate(Standing.UNKNOWN, measured=UNKNOWN),), criteria=(criterion(Weight.UNCLEAR),))
    section = section_of(told)
    assert section.heading == "Data are too few to say whether the agreement holds"
    assert not any(one.is_bad for one in section.figures)


def test_every_line_of_the_agreement_stands_with_its_figures(tmp_path):
    told = agreed(rates=(rate(Standing.TOO_HIGH),), criteria=(criterion(Weight.MATTERS),), values=(value(chance=1e-9),))
    section = section_of(told)
    assert len(section.tables) == 1
    seen = seen_of(tmp_path, section)
    assert seen.row_of("MQL → SQL") == ["MQL → SQL", "agreed too high", "50%", "30% 25% to 35%", "80"]
    assert seen.row_of("size")[1:6] == [
        "employees at least 50", "matters", "40% 35% to 45%", "20% 15% to 25%", "25% 20% to 30%",
    ]  # fmt: skip
    assert seen.row_of("size")[6:] == ["–", "180"]
    assert seen.row_of("industry = mining")[1:3] == ["wins, and is left out", "40"]
    assert seen.row_of("industry = mining")[-1] == "below 0.001"


def test_what_data_would_change_is_seen_first_and_as_a_diff(tmp_path):
    change, other = Change(what="agree on 30%", why="measured"), Change(what="leave out 'size'", why="no matter")
    proposal = Proposal(
        changes=(change,), text="a\nc\n", diff="--- a\n+++ b\n-rate = 0.5\n+rate = 0.3\n", by_hand=(other,)
    )
    section = section_of(agreed(rates=(rate(Standing.TOO_HIGH),)), proposal)
    assert section.said.startswith("Data support 2 changes of the agreement. Decide together")
    assert section.tables[0].rows["what"].to_pylist() == ["agree on 30%", "leave out 'size'"]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("leave out") == ["leave out 'size'", "no matter", "by hand"]
    assert ["+rate = 0.3"] in seen.rows
    assert list(section.folded) == ["Agreed rates beside the measured", "The changes as a diff of the settings"]


def test_one_change_is_one():
    proposal = Proposal(changes=(Change(what="a", why="b"),), text="", diff="+a\n", by_hand=())
    assert section_of(agreed(rates=(rate(Standing.TOO_LOW),)), proposal).said.startswith("Data support 1 change of the")


def test_where_nothing_is_agreed_it_says_what_to_give(tmp_path):
    section = section_of(agreed(notes=("No rates are agreed: [targets.rates] holds none.",)))
    text = seen_of(tmp_path, section).text
    assert "give rates in [targets.rates] and criteria of the profile in [definitions.icp]" in text


def test_words_of_the_settings_and_the_crm_never_run(tmp_path):
    change = Change(what=EVIL, why=EVIL)
    evil = criterion(Weight.MATTERS, EVIL, criterion=IcpCriterion(name=EVIL, attribute="a", one_of=(EVIL,)))
    told = agreed(rates=(rate(Standing.INSIDE),), criteria=(evil,), values=(value(EVIL),), notes=(EVIL,))
    proposal = Proposal(changes=(change,), text=EVIL, diff=f"+{EVIL}\n", by_hand=(change,))
    assert "{{ 7*7 }}" in seen_of(tmp_path, section_of(told, proposal)).text
