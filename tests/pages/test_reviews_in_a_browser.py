"""Reviews in a real browser: each length at each width, the way from one to what to use, and on paper."""

from pathlib import Path

import pytest

from data_contracts.metrics.periods import Period
from data_contracts.settings import load_settings
from pipelines.ingest import ingest_history
from pipelines.page_writing import write_pages
from pipelines.reviews import write_review
from simulation import simulate
from tests.conftest import NOW, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The pages of a small checked history, with the reviews of its last week, quarter and year."""
    folder = tmp_path_factory.mktemp("reviewed")
    (folder / "config").symlink_to(ROOT / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(Path("config/scoring.toml"))
        simulate(settings.crm.data_folder, n_leads=3_500, seed=5)
        ingest_history(settings)
        for period in (Period.WEEK, Period.QUARTER, Period.YEAR):
            write_review(settings, period, None, made_at=NOW)
        return folder / write_pages(settings, made_at=NOW).first_page.parent


@pytest.mark.parametrize(
    "path", ["review.html", "reviews/week", "reviews/quarter", "reviews/year", "reviews/quarter/resources"]
)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_review_is_free_of_barriers_errors_and_requests(visit, site, path, width, scheme):
    assert visit(page_of(site, path), width=width, scheme=scheme).barriers() == []


def test_from_the_list_one_comes_to_a_review_and_from_it_to_what_to_use(visit, site):
    told = visit(site / "review.html")
    told.page.locator("ul.held a[href*='quarter']").click()
    assert told.page.locator("h1").inner_text().startswith("Q1 2026")
    told.page.get_by_role("link", name="What to use").click()
    assert told.page.url.endswith("/resources.html")
    assert "have a current answer" in told.page.locator("h1").inner_text()


def test_on_paper_no_column_of_a_quarter_is_cut_off(visit, site):
    told = visit(page_of(site, "reviews/quarter"), width=760)
    told.page.emulate_media(media="print")
    cut_off = "[...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 760).length"
    assert told.page.evaluate(cut_off) == 0


def page_of(site: Path, path: str) -> Path:
    """`reviews/week` is the first page of the last week's review, `reviews/week/x` the page `x` beside it."""
    if not path.startswith("reviews/"):
        return site / path
    _, period, *page = path.split("/")
    (folder,) = (site / "reviews").glob(f"{period}-*")
    return folder / f"{page[0] if page else 'index'}.html"
