"""The site as a folder: complete, of its own, and asking nobody for anything."""

import re

from pages import today_page, works_page, write_site
from tests import example_release
from tests.example_shadow import shadow_report
from tests.example_site import NOTHING, Seen, frame, nouns


def site(folder):
    told = frame()
    pages = [
        today_page(nouns(), told),
        works_page(example_release.manifest(), shadow_report(), NOTHING, verdict=None, card="# Card", frame=told),
    ]
    write_site(folder, pages, told)
    return {path: (folder / path).read_text() for path in ("index.html", "works.html")}


def test_every_page_has_the_stylesheet_the_script_and_every_table_as_files(tmp_path):
    for html in site(tmp_path).values():
        seen = Seen(html)
        linked = [one["href"] for one in seen.attributes("link")] + [one["src"] for one in seen.attributes("script")]
        tables = [one["href"] for one in seen.attributes("a") if one["href"].startswith("tables/")]
        assert linked == ["style.css", "site.js"]
        assert tables
        assert all((tmp_path / path).is_file() for path in linked + tables)


def test_nothing_is_fetched_from_anywhere_and_nothing_inline_runs(tmp_path):
    for html in site(tmp_path).values():
        policy = next(one["content"] for one in Seen(html).attributes("meta") if "http-equiv" in one)
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        addresses = re.findall(r"""(?:src|href)=["']?(https?://[^"' >]*)""", html)
        assert {address.split("/")[2] for address in addresses} <= {"crm.example"}
        assert 'style="' not in html
    assert "http" not in (tmp_path / "style.css").read_text() + (tmp_path / "site.js").read_text()


def test_the_page_that_is_open_is_marked_in_the_navigation(tmp_path):
    current = [one["href"] for one in Seen(site(tmp_path)["works.html"]).attributes("a") if "aria-current" in one]
    assert current == ["works.html"]


def test_freshness_release_and_definitions_stand_on_every_page(tmp_path):
    for html in site(tmp_path).values():
        text = Seen(html).text
        assert "extract of Jun 30, 2026, 8:00 PM (Central European Time)" in text
        assert "release 2026-06-30-abc123 · definitions 2026.1" in text
