from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.definitions import Definitions
from data_contracts.snapshots import LabelledTable
from data_contracts.thresholds import Grading
from data_contracts.vocabulary import ENTRY
from models.fitted import FittedTransition
from models.grades import choose_grading, grade

pytestmark = pytest.mark.whole

BOUNDARIES = Grading(fit_boundaries=(0.8, 0.6, 0.4), behaviour_boundaries=(0.6, 0.3, 0.1), labelled_by_grade={})
shares = st.floats(0, 1)


@pytest.fixture(scope="module")
def grading(fitted: FittedTransition, table: LabelledTable, definitions: Definitions) -> Grading:
    return choose_grading(fitted, table, definitions=definitions)


@given(p=st.tuples(shares, shares), fit=st.tuples(shares, shares))
def test_more_of_anything_never_lowers_a_grade(p: tuple[float, float], fit: tuple[float, float]) -> None:
    worse, better = grade([min(p), max(p)], [min(fit), max(fit)], grading=BOUNDARIES)
    assert better[0] <= worse[0]
    assert better[1] <= worse[1]


def test_a_lead_of_which_no_criterion_is_known_gets_a_c() -> None:
    assert grade([0.9], [np.nan], grading=BOUNDARIES).tolist() == ["C1"]


def test_digits_are_quantiles_of_past_leads(grading: Grading, table: LabelledTable) -> None:
    cells = grading.labelled_by_grade
    n_labelled = len(table.labelled(ENTRY))
    by_digit = [sum(n for cell, n in cells.items() if cell[1] == digit) / n_labelled for digit in "1234"]
    assert by_digit == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)
    assert len(cells) == 16
    assert sum(cells.values()) == n_labelled
    first, second, third = grading.behaviour_boundaries
    assert 1 > first > second > third > 0


def test_letters_are_the_agreed_ones(grading: Grading, definitions: Definitions) -> None:
    assert grading.fit_boundaries == definitions.icp.fit_boundaries


def test_the_base_rate_lifts_nobody(fitted: FittedTransition, table: LabelledTable, definitions: Definitions) -> None:
    published = replace(fitted, estimators=(), calibrator=None)
    chosen = choose_grading(published, table, definitions=definitions)
    assert {cell for cell, n in chosen.labelled_by_grade.items() if n} <= {"A4", "B4", "C4", "D4"}
