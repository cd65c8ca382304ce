"""The file of what each team gave the other: what it may say, and every problem told at once."""

import datetime as dt
from pathlib import Path

import pytest

from data_contracts.errors import SettingsError
from data_contracts.resources import Resource, load_resources
from data_contracts.settings import load_settings

CONFIG = Path(__file__).parents[2] / "config"
DEFINITIONS = load_settings(CONFIG / "scoring.toml").definitions

DECK = """
[[resources]]
title = "Deck"
kind = "deck"
owner = "sales"
updated = 2026-06-01
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "resources.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_example_is_read_and_is_for_the_personas_of_the_simulated_company():
    told = load_resources(CONFIG / "resources.toml", definitions=DEFINITIONS).resources
    assert len(told) == 6
    assert {name for one in told for name in one.personas} == {one.name for one in DEFINITIONS.personas}


def test_a_resource_is_for_all_and_reviewed_twice_a_year_unless_said(written):
    (deck,) = load_resources(written(DECK), definitions=DEFINITIONS).resources
    assert deck.is_for("mql", None)
    assert deck.is_for("sql", "cost cutter")
    assert (deck.is_stale(dt.date(2026, 11, 28)), deck.is_stale(dt.date(2026, 11, 29))) == (False, True)


def test_a_resource_of_a_persona_is_for_nobody_of_none():
    deck = Resource(title="T", kind="deck", owner="sales", updated=dt.date(2026, 1, 1), personas=("buyer",))
    assert (deck.is_for("mql", "buyer"), deck.is_for("mql", None), deck.is_for("mql", "other")) == (True, False, False)


def test_all_problems_are_told_at_once_with_their_place(written):
    text = DECK + DECK.replace('"Deck"', '"Other"') + """
for_stages = ["mql", "sqll"]
personas = ["growth marketer", "buyer", "gatekeeper"]
url = "file:///deck"
review_every_days = 0
ownr = "x"
"""  # fmt: skip
    with pytest.raises(SettingsError) as error:
        load_resources(written(text), definitions=DEFINITIONS)
    told = str(error.value)
    assert "has 5 problem(s)" in told
    assert "resources.1.for_stages.1: Input should be 'lead', 'mql', 'sal'" in told
    assert (
        "resources.1.personas: Value error, 'buyer', 'gatekeeper' is no persona of the definitions; there are" in told
    )
    assert "'compliance-minded IT', 'integrator'" in told
    assert "'file:///deck' is no web address" in told
    assert "resources.1.review_every_days: Input should be greater than 0" in told
    assert "resources.1.ownr: there is no such setting; did you mean owner?" in told


def test_two_resources_of_one_title_are_refused(written):
    with pytest.raises(SettingsError, match="more than one is called 'Deck'; give each its own title"):
        load_resources(written(DECK + DECK), definitions=DEFINITIONS)


def test_a_missing_and_a_broken_file_are_named(tmp_path, written):
    with pytest.raises(SettingsError, match=r"no file of resources .*none\.toml; write it, or take `resources` out"):
        load_resources(tmp_path / "none.toml", definitions=DEFINITIONS)
    with pytest.raises(SettingsError, match=r"resources\.toml is not valid TOML"):
        load_resources(written("[[resources"), definitions=DEFINITIONS)
    with pytest.raises(SettingsError, match="title: String should match pattern"):
        load_resources(written(DECK.replace('"Deck"', '" "')), definitions=DEFINITIONS)
