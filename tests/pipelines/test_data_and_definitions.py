"""Data and Definitions as they are written from a store: what stands in it, what is lacking, what the file changes."""

import datetime as dt
from pathlib import Path

import pytest

from data_contracts.settings import Settings, load_settings
from pipelines.kept_checks import kept_checks
from pipelines.page_writing import write_pages
from tests.example_history import settings
from tests.example_site import Seen

MADE_AT = dt.datetime(2026, 7, 1, 6)


def written(told: Settings) -> tuple[Seen, Seen]:
    """Data and Definitions, written anew from the store of the settings."""
    folder = write_pages(told, made_at=MADE_AT).first_page.parent
    data, definitions = ((folder / name).read_text(encoding="utf-8") for name in ("data.html", "definitions.html"))
    return Seen(data), Seen(definitions)


def test_a_finished_run_is_shown_with_its_check_and_its_agreement(work):
    told = load_settings(Path("config/scoring.toml"))
    (check,) = kept_checks(told.store.folder)
    data, definitions = written(told)
    assert f"Refused{check.refused:,}" in data.text.replace("Refused ", "Refused")
    (docs,) = [one["href"] for one in data.attributes("a") if "data_docs" in one["href"]]
    assert (told.store.folder / "pages" / docs).is_file(), "the link works from disk"
    assert "Definitions 2026.3 hold from Apr 1, 2026" in definitions.text
    assert "The store keeps 1 version of the definitions" in definitions.text
    assert "The settings file says otherwise" not in definitions.text


def test_a_file_that_was_edited_since_is_told_and_what_is_in_force_is_shown(work):
    told = load_settings(Path("config/scoring.toml"))
    policy = told.policy.model_copy(update={"version": "2026.9", "respond_within_working_hours": 4.0})
    agreed = told.definitions.model_copy(update={"version": "2026.4"})
    _, definitions = written(told.model_copy(update={"policy": policy, "definitions": agreed}))
    assert "Definitions 2026.3 hold" in definitions.text
    assert "definitions.version 2026.3 -> 2026.4" in definitions.text
    assert "policy.version 2026.1 -> 2026.9" in definitions.text
    assert "policy.respond_within_working_hours 8.0 -> 4.0" in definitions.text
    assert "Within 8 working hours" in definitions.text


def test_an_empty_store_says_what_is_lacking_and_shows_the_file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    own = settings()
    own = own.model_copy(update={"store": own.store.model_copy(update={"folder": tmp_path / "store"})})
    data, definitions = written(own)
    assert "Nothing was checked yet; run leadscore check." in data.text
    assert "There are none yet; leadscore check writes them." in data.text
    assert "Nothing was trained yet; run leadscore train." in definitions.text
    assert "Definitions 2026.1 hold from Jan 1, 2026" in definitions.text
