"""Each formula stands once in code, and word for word in the page that works it out."""

import importlib
import pkgutil

import pytest

import data_contracts.metrics
from data_contracts.metrics.formula import Formula
from tests.alignment.metric_pages import PAGES

MODULES = [module.name for module in pkgutil.iter_modules(data_contracts.metrics.__path__)]


def formulas_of(module: str) -> tuple[Formula, ...]:
    return getattr(importlib.import_module(f"data_contracts.metrics.{module}"), "FORMULAS", ())


def as_words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("module", [module for module in MODULES if formulas_of(module)])
def test_a_page_says_each_formula_as_the_code_does(module):
    page = as_words(" ".join(path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md"))))
    missing = [one.name for one in formulas_of(module) if f"**{one.name}** = {one.says}" not in page]
    assert missing == []


def test_no_two_formulas_have_one_name():
    names = [one.name for module in MODULES for one in formulas_of(module)]
    assert sorted(names) == sorted(set(names))


def test_every_formula_of_a_module_is_in_its_list():
    for module in MODULES:
        found = importlib.import_module(f"data_contracts.metrics.{module}")
        own = [one for one in vars(found).values() if isinstance(one, Formula)]
        assert [one for one in own if one not in formulas_of(module)] == []


def test_the_index_links_every_page():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in PAGES.glob("*.md") if path.name != "README.md")
    assert [page for page in pages if f"]({page})" not in index] == []
