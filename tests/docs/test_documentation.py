"""What the documents promise exists."""

import re
import tomllib
from pathlib import Path

import pytest

from pipelines.cli import app
from pipelines.documentation import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def test_the_generated_pages_are_up_to_date():
    assert main(["--check"]) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path):
    registered = app.registered_commands
    commands = {command.name or command.callback.__name__.replace("_", "-") for command in registered}
    named = set(re.findall(r"\bleadscore ([a-z][a-z-]*)\b(?! system)", page.read_text(encoding="utf-8")))
    assert named - commands == set()


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE))
    assert {"demo", "quick", "test", "check", "mutants"} <= named <= targets


def test_no_index_address_and_no_unhashed_package_is_in_the_lock_file():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    pinned = re.findall(r"^[\w.-]+==\S+(.*(?:\n    .*)*)", lock, flags=re.MULTILINE)
    assert len(pinned) > 100
    assert all("--hash=sha256:" in entry for entry in pinned)


def test_the_changelog_begins_with_what_is_not_released_or_with_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] in {"Unreleased", version}
    assert "Unreleased" not in headings[1:], "what is not released stands above all that is"
