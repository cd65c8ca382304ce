"""A file with settings of before is told what they are called now."""

import pytest

from data_contracts.errors import SettingsError
from data_contracts.renamed_settings import REMADE, RENAMED, new_place, remade
from data_contracts.setting_problems import problems_of
from data_contracts.settings import Settings, load_settings

OF_BEFORE = """
[definitions]
version = "2026.1"
effective_from = 2026-01-01
learn_from = 2025-01-01
transitions.mql_to_sql.horizon_days = 30
transitions.sql_to_win.horizon_days = 90
capacity.leads_per_week = 0
sla.respond_within_hours = 24
icp.letters = [0.8, 0.6, 0.4]

[definitions.point_rule]
threshold = 30
activities = [{ kind = "webinar", points = 14 }, { kind = "chat", points = 5, at_most = 10 }]

[crm]
source = "example"
data_folder = "data"
store = "var"
write_back_fields = ["leadscore_grade"]
"""


@pytest.fixture
def told(tmp_path) -> list[str]:
    """What is said of a file with every name of before and a mistake of another kind."""
    path = tmp_path / "scoring.toml"
    path.write_text(OF_BEFORE, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load_settings(path)
    return str(error.value).splitlines()


def test_every_setting_of_before_is_told_its_new_name_at_once_with_the_other_problems(told):
    assert told[0].endswith("scoring.toml has 8 problem(s):")
    assert sorted(told[1:]) == sorted(
        [
            "  - crm.store: this setting is now store.folder",
            "  - definitions.icp.letters: this setting is now definitions.icp.fit_boundaries",
            "  - definitions.learn_from: this setting is now definitions.learn_since",
            "  - definitions.point_rule.activities.1.at_most: "
            "this setting is now definitions.point_rule.activities.1.max_points",
            "  - definitions.capacity: capacity is the policy's now: [[policy.teams]] with a name and leads_per_week",
            "  - definitions.sla: the time to respond is the policy's now: respond_within_working_hours in [policy], "
            "counted in the working time of [policy.calendar]",
            "  - policy: Field required",
            "  - crm.write_back_fields: this setting is now a table of each field's name = what it holds, like "
            '"Grade__c" = "grade"',
        ]
    )


def test_a_setting_is_not_called_missing_as_well_where_it_is_given_under_the_name_of_before(told):
    assert not any("store: Field required" in line for line in told)


def test_a_setting_that_is_given_under_no_name_is_missing(tmp_path):
    path = tmp_path / "scoring.toml"
    path.write_text(OF_BEFORE.replace('store = "var"\n', ""), encoding="utf-8")
    with pytest.raises(SettingsError, match="  - store: Field required"):
        load_settings(path)


@pytest.mark.parametrize("before", RENAMED)
def test_a_name_of_before_is_no_setting_of_today_and_the_new_one_is(before):
    def is_setting(place: tuple[str | int, ...]) -> bool:
        content: object = 1
        for key in reversed(place):
            content = [content] if isinstance(key, int) else {key: content}
        with pytest.raises(ValueError, match="validation error") as error:
            Settings.model_validate(content)
        return not any("no such setting" in line or "is now" in line for line in problems_of(error.value, Settings))

    place = tuple(0 if key == "[]" else key for key in before.replace("[]", ".[]").split("."))
    new = new_place(place)
    assert new is not None
    assert not is_setting(place)
    assert is_setting(new)


def test_a_setting_that_never_had_another_name_has_no_new_one():
    assert new_place(("definitions", "version")) is None
    assert remade(("definitions", "version")) is None
    assert set(REMADE) == {"crm.write_back_fields", "crm.activity_kinds"}
