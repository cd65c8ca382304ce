"""Leads that are open now against leads that were open at earlier dates."""

import numpy as np
import pandas as pd
import pytest

from models.standing import OpenLeads, Shift, coded, shifts

N = 6_000
HORIZON = 60


def story(seed: int = 0) -> tuple[OpenLeads, np.random.Generator]:
    """Leads of two years: 35 % convert within some weeks, 45 % are closed, the others stay open."""
    random = np.random.default_rng(seed)
    fate = random.choice(["converts", "closes", "stays"], N, p=[0.35, 0.45, 0.2])
    ages = random.uniform(0, 730, N)
    decided = ages - random.exponential(25, N)
    is_decided = (fate != "stays") & (decided > 0)
    groups = np.arange(N) // 2
    return OpenLeads(ages, np.where(is_decided, decided, -np.inf), fate == "converts", groups, HORIZON), random


def clearest(open_leads: OpenLeads, values: pd.Series) -> tuple[Shift, list[str]]:
    codes, names = coded(values)
    found = shifts(open_leads, codes, n_codes=len(names))
    return max(found, key=lambda shift: shift.z_expected**2 - shift.z_untouched**2), names


def test_a_value_that_is_filled_at_the_conversion_is_missing_among_the_open_leads_that_will_convert():
    open_leads, _ = story()
    has_converted = open_leads.converted & np.isfinite(open_leads.decided)
    shift, names = clearest(open_leads, pd.Series(np.where(has_converted, "C-1", None), dtype="str"))
    assert {names[code] for code in shift.values} <= {"C-1", "missing"}
    assert abs(shift.z_expected) > 8
    assert abs(shift.z_untouched) < 2
    assert shift.explained_share == pytest.approx(1, abs=0.2)


def test_a_value_that_is_cleared_when_a_lead_is_closed_is_still_there_among_the_open_ones():
    open_leads, _ = story()
    is_closed = ~open_leads.converted & np.isfinite(open_leads.decided)
    shift, _ = clearest(open_leads, pd.Series(np.where(is_closed, None, "north"), dtype="str"))
    assert shift.since in ("closed", "decided")
    assert abs(shift.z_expected) > 8


@pytest.mark.parametrize("seed", range(5))
def test_a_value_that_tells_the_outcome_from_the_start_is_no_shift(seed: int):
    open_leads, random = story(seed)
    strong = random.random(N) < np.where(open_leads.converted, 0.75, 0.25)
    shift, _ = clearest(open_leads, pd.Series(np.where(strong, "a", "b")))
    assert abs(shift.z_expected) < 4


@pytest.mark.parametrize("seed", range(5))
def test_a_share_that_drifts_steadily_is_no_shift(seed: int):
    open_leads, random = story(seed)
    drifting = random.random(N) < 0.8 - 0.7 * open_leads.ages / 730
    shift, _ = clearest(open_leads, pd.Series(np.where(drifting, "new", "old")))
    assert abs(shift.z_expected) < 4


def test_a_word_that_is_new_is_a_shift_but_not_towards_the_leads_that_were_never_decided():
    open_leads, random = story()
    is_new = (open_leads.ages < 50) & (random.random(N) < 0.5)
    codes, names = coded(pd.Series(np.where(is_new, "spring offer", "none")))
    found = shifts(open_leads, codes, n_codes=len(names))
    assert max(abs(shift.z_expected) for shift in found) > 8
    assert all(abs(shift.z_untouched) > 5 for shift in found if abs(shift.z_expected) > 8)


def test_a_lead_decided_at_the_very_extract_is_not_open():
    leads = OpenLeads(np.array([500.0, 500.0]), np.array([0.0, -np.inf]), np.array([True, False]), np.arange(2), 30)
    kind, _ = leads.cells[0]
    assert list(kind >= 0) == [False, True]


def test_accounts_with_several_open_leads_blow_up_the_variance():
    leads = OpenLeads(np.full(4, 9.0), np.full(4, -np.inf), np.zeros(4, dtype=bool), np.array([0, 0, 0, 1]), 30)
    assert leads.design_effect() == (3**2 + 1**2) / (3 + 1)


def test_without_open_leads_or_with_a_short_history_nothing_is_said():
    open_leads, _ = story()
    decided = OpenLeads(open_leads.ages, open_leads.ages - 1, open_leads.converted, open_leads.groups, HORIZON)
    short = OpenLeads(np.full(N, 50.0), open_leads.decided, open_leads.converted, open_leads.groups, HORIZON)
    for leads in (decided, short):
        assert shifts(leads, np.zeros(N, dtype=np.int64), n_codes=1) == []


def test_numbers_fall_into_bins_of_equally_many_and_equal_ones_share_a_bin():
    codes, names = coded(pd.Series([0.0, 0, 0, 0, 0, 0, 7, 8, 9, 10, None]))
    assert list(codes) == [0] * 6 + [1, 1, 2, 2, 3]
    assert names == ["0", "7 to 8", "9 to 10", "missing"]


def test_rare_words_are_one_value():
    words = [f"town {n}" for n in range(20)] + ["town 0"]
    codes, names = coded(pd.Series([*words, None], dtype="str"))
    assert len(names) == 12 + 2
    assert names[0] == "town 0"
    assert (codes == names.index("any other value")).sum() == 20 - 12
    assert codes[-1] == names.index("missing")
    assert coded(pd.Series([*words, None], dtype="str"), least_leads=2)[1] == ["town 0", "any other value", "missing"]
