"""The worked examples of journeys, accounts, reasons and content come out the same on every engine."""

import pytest

from tests.alignment import test_accounts, test_content, test_journey, test_why
from tests.alignment.metric_pages import assert_as_worked_out, page_specs
from tests.some_engines import ENGINES

PAGES = {
    "journey": test_journey.COMPUTED,
    "accounts": test_accounts.COMPUTED,
    "why": test_why.COMPUTED,
    "content": test_content.COMPUTED,
}
EXAMPLES = [(page, spec) for page, computed in PAGES.items() for spec in page_specs(page, computed)]

pytestmark = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True, scope="module")


@pytest.mark.parametrize(("page", "spec"), EXAMPLES, ids=str)
def test_an_example_is_worked_out_right(page, spec, make_history, settings_with):
    targets = {"target_accounts": test_accounts.DACH} if page == "accounts" else {}
    assert_as_worked_out(spec, PAGES[page], make_history, settings_with(targets=targets))
