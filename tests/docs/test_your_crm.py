"""The examples of docs/your-crm.md, run as they stand there."""

import re
import tomllib
from pathlib import Path

import pytest

from crm.recognise import QUESTIONS
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-crm.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
WITH_SELECTS = [name for name, text in SECTIONS.items() if "```sql" in text]
LEAST = {
    "definitions": {
        "version": "1",
        "effective_from": "2024-01-01",
        "transitions": {"mql_to_win": {"horizon_days": 30}},
    },
    "policy": {"version": "1", "teams": [{"name": "sales", "leads_per_week": 5}]},
    "crm": {"source": "ours", "data_folder": "data"},
    "store": {"folder": "var/ours"},
}


def files_in(text: str) -> dict[str, str]:
    """The files of a section: name to content."""
    return dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```", text, flags=re.MULTILINE | re.DOTALL))


def test_the_page_has_examples_with_selects():
    assert len(WITH_SELECTS) == 3


@pytest.mark.parametrize("section", WITH_SELECTS)
def test_a_select_gives_what_the_page_says(section: str, tmp_path: Path, engine: DuckDbEngine):
    files = files_in(SECTIONS[section])
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (select,) = [text for name, text in files.items() if name.endswith(".sql")]
    (said,) = re.findall(r"^gives\n\n```text\n(.*?)```", SECTIONS[section], flags=re.MULTILINE | re.DOTALL)
    given = engine.select("example", select.replace("{data_folder}", str(tmp_path))).to_pyarrow()
    names, *lines = [
        re.split(r" {2,}| (?=created_at|source|stage|entered_at|[a-z]+$)", line) for line in said.splitlines()
    ]
    rows = [tuple(row.values()) for row in given.to_pylist()]
    assert " ".join(names).split() == given.column_names
    assert [" ".join(map(str, row)).split() for row in rows] == [" ".join(line).split() for line in lines]


@pytest.mark.parametrize("section", [name for name, text in SECTIONS.items() if "```toml" in text])
def test_settings_of_the_page_are_settings(section: str):
    for block in re.findall(r"```toml\n(.*?)```", SECTIONS[section], flags=re.DOTALL):
        told = tomllib.loads(block)
        content = {name: LEAST[name] | told.get(name, {}) for name in LEAST}
        assert Settings.model_validate(content, strict=False)


@pytest.fixture
def engine() -> DuckDbEngine:
    return DuckDbEngine.opened()


def test_the_page_names_every_question():
    told = re.findall(
        r"^\| (`.+?) \|", PAGE.split("The examples below")[0].split("The questions")[1], flags=re.MULTILINE
    )
    assert {name for cell in told for name in re.findall(r"`(\w+)`", cell)} == set(QUESTIONS)
