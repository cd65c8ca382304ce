"""By which rules something is a leak, suspect or clear."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.estimates import Estimate
from data_contracts.leaks import ByFate, Count
from data_contracts.privacy import MASKED
from models.association import Association
from models.leak_rules import (
    ChangeCounts,
    Judged,
    RecordingCounts,
    TimeEvidence,
    clopper_pearson,
    judge,
    rank_correlation_after,
)
from models.standing import OpenLeads, Shift

SHIFT = Shift(
    values=(1,), since="converted", n_open=180, share_now=1.0, share_expected=0.8, share_untouched=0.98,
    z_expected=5.0, z_untouched=0.5,
)  # fmt: skip
STILL = replace(SHIFT, z_expected=1.0, z_untouched=0.9, share_now=0.8)
NOBODY = Count(n_having=0, n=0)
ON_TIME = RecordingCounts(
    n_early_converted=100, n_late_converted=0, n_early_closed=100, n_late_closed=0, n_ahead=0, n=500,
    by_fate=ByFate(converted=NOBODY, closed=NOBODY, still_open=NOBODY),
)  # fmt: skip
QUIET = TimeEvidence(shifts=[STILL], names=["C-1", "missing"], after=None, changes=None, recordings=None)


def exactly(value: float, margin: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - margin, high=value + margin)


HARMLESS = Association(exactly(0.75), exactly(0.1), exactly(0.02), exactly(0.01))


def verdict(in_time: TimeEvidence = QUIET, association: Association | None = HARMLESS, deciding=()) -> tuple[str, str]:
    return judge(in_time, Judged(association, deciding), n_open=500)


def test_an_honest_attribute_is_clear_however_strong():
    assert verdict() == ("clear", "no value depends on whether the lead was decided yet")


def test_values_of_open_leads_that_look_like_those_never_decided_are_evidence_in_time():
    found, reason = verdict(replace(QUIET, shifts=[STILL, SHIFT]))
    assert found == "leak"
    assert reason == (
        "missing for 100 % of the 180 leads that are open now, where earlier dates lead to expect 80 % (5.0 standard "
        "errors); of leads that were open then and have not been converted since it is 98 %: it changes when a lead is "
        "converted"
    )


@pytest.mark.parametrize(("z_expected", "z_untouched"), [(9.0, 8.5), (9.0, 2.6), (3.4, 0.0), (3.9, 2.0)])
def test_a_value_that_is_new_or_gone_or_a_little_off_is_no_evidence(z_expected: float, z_untouched: float):
    shift = replace(SHIFT, z_expected=z_expected, z_untouched=z_untouched)
    assert verdict(replace(QUIET, shifts=[shift]))[0] == "clear"


def test_a_shift_that_the_decision_explains_by_less_than_half_is_no_evidence():
    shift = replace(SHIFT, share_now=0.95, share_untouched=0.84)
    assert shift.explained_share < 0.5
    assert verdict(replace(QUIET, shifts=[shift]))[0] == "clear"


def test_a_value_that_is_new_is_told():
    shift = replace(SHIFT, values=(0,), z_expected=9.0, z_untouched=8.5)
    assert verdict(replace(QUIET, shifts=[shift]))[1].endswith("; 'C-1' has become more frequent among new leads")


@pytest.mark.parametrize(("low", "expected"), [(0.51, "leak"), (0.49, "clear")])
def test_a_number_that_follows_the_activities_after_the_entry_is_a_leak(low: float, expected: str):
    assert verdict(replace(QUIET, after=(0.6, low)))[0] == expected


@pytest.mark.parametrize(
    ("n_at_conversion", "n", "expected"), [(40, 100, "leak"), (20, 100, "clear"), (19, 19, "clear")]
)
def test_changes_at_the_conversion_of_what_never_changes_are_a_leak(n_at_conversion: int, n: int, expected: str):
    changes = ChangeCounts(n=n, n_at_conversion=n_at_conversion, n_after=n)
    assert verdict(replace(QUIET, changes=changes))[0] == expected


@pytest.mark.parametrize(("n_late", "expected"), [(0, "clear"), (10, "clear"), (30, "leak")])
def test_activities_recorded_only_at_the_decision_are_dated_back(n_late: int, expected: str):
    for field in ("n_late_converted", "n_late_closed"):
        assert verdict(replace(QUIET, recordings=replace(ON_TIME, **{field: n_late})))[0] == expected


@pytest.mark.parametrize(
    ("auc", "lead", "expected"), [(0.83, 0.0, "suspect"), (0.81, 0.0, "clear"), (0.75, 0.08, "suspect")]
)
def test_alone_as_good_as_a_whole_model_is_suspect(auc: float, lead: float, expected: str):
    association = replace(HARMLESS, auc=exactly(auc), lead_over_others=exactly(lead))
    assert verdict(association=association)[0] == expected


def labelled(n: int, n_converted: int, value: str | None) -> pd.DataFrame:
    return pd.DataFrame({"v": pd.Series([value] * n, dtype="str"), "converted": np.arange(n) < n_converted})


@pytest.mark.parametrize(
    ("n", "n_converted", "is_deciding"), [(40, 40, True), (30, 30, False), (300, 290, True), (300, 240, False)]
)
def test_a_value_that_almost_always_converts_is_suspect(n: int, n_converted: int, is_deciding: bool):
    rows = pd.concat([labelled(n, n_converted, "x"), labelled(2_000, 300, "y")])
    judged = Judged.of(rows, "v", None)
    assert ("'x'" in [name for name, *_ in judged.deciding]) is is_deciding
    assert judge(QUIET, judged, n_open=500)[0] == ("suspect" if is_deciding else "clear")


def test_being_filled_decides_where_no_single_value_is_frequent_enough():
    won = pd.concat([labelled(10, 10, f"C-{nth}") for nth in range(8)])
    names = [name for name, *_ in Judged.of(pd.concat([won, labelled(2_000, 300, None)]), "v", None).deciding]
    assert names == ["filled"]


def test_a_value_that_only_winners_have_decides_however_late_they_won():
    fates = pd.concat([labelled(45, 45, "x"), labelled(900, 100, None)]).rename(columns={"converted": "has_converted"})
    rows = pd.concat([labelled(45, 20, "x"), labelled(900, 100, None)])
    assert Judged.of(rows, "v", None).deciding == ()
    assert [name for name, *_ in Judged.of(rows, "v", None, fates=fates).deciding] == ["'x'", "filled"]


def test_a_value_that_may_identify_a_person_is_masked():
    rows = pd.concat([labelled(60, 60, "jane@example.com"), labelled(2_000, 300, "y")])
    _, reason = judge(QUIET, Judged.of(rows, "v", None), n_open=500)
    assert "jane" not in reason
    assert MASKED in reason


def test_without_open_leads_a_clear_reason_says_so():
    assert "500 open leads" in verdict(replace(QUIET, shifts=[]))[1]


def test_the_exact_interval_is_that_of_the_textbook():
    low, high = clopper_pearson(1, 10)
    assert (round(low, 4), round(high, 4)) == (0.0025, 0.4450)
    assert clopper_pearson(10, 10)[1] == 1.0


def test_a_counter_of_the_extract_follows_what_came_after_and_an_honest_number_does_not():
    random = np.random.default_rng(0)
    n = 3_000
    intent = random.normal(size=n)
    ages = random.uniform(0, 700, n)
    before, after = random.poisson(np.exp(1 + 0.5 * intent)), random.poisson(np.exp(1 + 0.5 * intent) * ages / 300)
    open_leads = OpenLeads(ages, np.full(n, -np.inf), np.zeros(n, dtype=bool), np.arange(n), 30)
    entries = pd.DataFrame(
        {"n_before": before, "n_after": after, "has_converted": random.random(n) < 0.3, "decided_at": pd.NaT}
    )
    for number, is_counter in ((before + after, True), (intent, False), (ages + 50 * random.normal(size=n), False)):
        found = rank_correlation_after(pd.Series(number, dtype=float), entries, open_leads)
        assert found is not None
        assert (found[1] > 0.5) is is_counter
    assert rank_correlation_after(pd.Series(np.full(n, 7.0)), entries, open_leads) is None
    assert rank_correlation_after(pd.Series(np.full(n, np.nan)), entries, open_leads) is None
