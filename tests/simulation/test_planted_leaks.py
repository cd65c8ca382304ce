"""Leaks and honest look-alikes in an export."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulation import SimulationSummary
from simulation.leaks import HONEST, LEAKS, NUMBERS, PLANTED_FILE, SURVEY, plant

FILES = ("leads.csv", "stage_history.csv", "opportunities.csv", "field_history.jsonl", "export.json")


def copied(simulated: SimulationSummary, folder: Path) -> Path:
    shutil.copytree(simulated.folder, folder)
    return folder


@pytest.fixture(scope="module")
def planted(simulated: SimulationSummary, tmp_path_factory: pytest.TempPathFactory):
    folder = copied(simulated, tmp_path_factory.mktemp("planted") / "export")
    made = plant(folder, seed=5)
    table = pd.read_csv(folder / PLANTED_FILE).set_index("Id")
    stages = pd.read_csv(folder / "stage_history.csv", dtype=str)
    return folder, made, table, stages


def reached(stages: pd.DataFrame, table: pd.DataFrame, *names: str) -> np.ndarray:
    return table.index.isin(stages.loc[stages["NewStage"].isin(names), "LeadId"])


def test_at_least_six_kinds_of_leak_and_of_honest_look_alikes_are_planted(planted):
    _, made, table, _ = planted
    assert sum(one.is_leak for one in made) >= 6
    assert sum(not one.is_leak for one in made) >= 6
    assert {one.name for one in made if one.subject == "attribute"} == set(table.columns)
    assert set(LEAKS) | set(HONEST) >= NUMBERS
    assert all(0.6 <= one.strength <= 1 for one in made if one.is_leak)


def test_a_contract_number_is_there_for_winners_only(planted):
    _, made, table, stages = planted
    (strength,) = [one.strength for one in made if one.name == "contract_number"]
    is_won = reached(stages, table, "Closed Won")
    assert table["contract_number"].notna()[is_won].mean() == pytest.approx(strength, abs=0.1)
    assert table["contract_number"].notna()[~is_won].mean() < 0.001


def test_a_territory_is_cleared_for_lost_leads(planted):
    _, _, table, stages = planted
    is_refused = reached(stages, table, "Closed Lost", "Disqualified")
    assert table["territory"].isna()[is_refused].mean() > 0.55
    assert table["territory"].isna()[~is_refused].mean() < 0.25


def test_honest_attributes_do_not_depend_on_what_became_of_a_lead_once_its_odds_are_known(planted):
    folder, _, table, stages = planted
    truth = pd.read_parquet(folder / "truth" / "truth.parquet").set_index("lead_id")["p_mql_to_sql"]
    known = table.loc[table.index.isin(truth.index)]
    strong = known["strong_index"]
    is_sql = reached(stages, known, "Sales Qualified")
    band = pd.qcut(truth.reindex(known.index), 50, labels=False)
    gaps = [strong[is_sql & (band == b)].mean() - strong[~is_sql & (band == b)].mean() for b in range(50)]
    assert abs(np.nanmean(gaps)) < 0.4


def test_clones_have_another_id_and_the_same_story_some_weeks_later(planted):
    folder, _, _, stages = planted
    leads = pd.read_csv(folder / "leads.csv", dtype=str)
    clones = leads[leads["Id"].fillna("").str.endswith("-K")]
    assert len(clones) > 50
    assert clones["AccountId"].isna().all()
    first = clones["Id"].iloc[0]
    story = stages[stages["LeadId"] == first]["NewStage"].tolist()
    own = stages[stages["LeadId"] == first.removesuffix("-K")]["NewStage"].tolist()
    assert story == own[: len(story)]


def test_surveys_are_dated_back_and_half_of_the_late_ones_say_so(planted):
    folder, _, _, _ = planted
    surveys = pd.read_parquet(folder / "activities" / "part-surveys.parquet")
    assert (surveys["ActivityType"] == SURVEY).all()
    is_late = surveys["LoggedDate"] > surveys["ActivityDate"] + pd.Timedelta(hours=12)
    assert 100 < is_late.sum() < len(surveys) / 2


def test_the_same_seed_plants_the_same(simulated: SimulationSummary, planted, tmp_path: Path):
    folder, made, _, _ = planted
    again = copied(simulated, tmp_path / "again")
    assert plant(again, seed=5) == made
    for name in (PLANTED_FILE, *FILES):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name
