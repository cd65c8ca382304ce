"""The cohort funnel: the worked examples of its page, and what always adds up."""

import pytest

from alignment.funnel import cohort_funnel
from alignment.milestones import milestones_of
from data_contracts.metrics.funnel import Step
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def _steps(step):
    def compute(history, settings):
        told = cohort_funnel(milestones_of(history, settings))
        return [row for row in told.rows.to_pylist() if row["step"] == step]

    return compute


COMPUTED = {
    "funnel from MQL to SQL by month": _steps(Step.MQL_TO_SQL),
    "milestones": lambda history, settings: milestones_of(history, settings).frame.to_dict("records"),
}


@pytest.mark.parametrize("spec", page_specs("funnel", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)
