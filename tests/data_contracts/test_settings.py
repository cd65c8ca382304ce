import re
from pathlib import Path

import pytest

from data_contracts.errors import SettingsError
from data_contracts.settings import load_settings
from data_contracts.vocabulary import FieldContent, Stage, Transition

MINIMAL = """
[definitions]
version = "2026.1"
effective_from = 2026-01-01
transitions.mql_to_sql.horizon_days = 30
transitions.sql_to_win.horizon_days = 90

[policy]
version = "2026.1"
teams = [{ name = "sales", leads_per_week = 20 }]

[store]
folder = "var"

[crm]
source = "example"
data_folder = "data"
"""
REPLY = """
[crm.kinds.email_reply]
family = "commitment"
direction = "inbound"
phrase = { did = "replied to an email" }
"""
ROLE = '[crm.attributes.{name}]\ntable = "leads"\ntype = "category"\navailability = "{availability}"\nmeaning = "x"\n'


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "scoring.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_small_file_is_enough_and_the_rest_is_as_agreed_by_default(written):
    settings = load_settings(written(MINIMAL + '[crm.stages]\n"Marketing Qualified" = "mql"\n'))
    assert settings.crm.stages == {"Marketing Qualified": Stage.MQL}
    assert settings.definitions.first_transition is Transition.MQL_TO_SQL
    assert settings.policy.respond_within_working_hours == 8
    assert (settings.checks.max_refused_share, settings.checks.max_volume_drop_share) == (0.05, 0.5)


def test_all_problems_of_a_file_are_told_at_once_with_their_place(written):
    text = MINIMAL.replace("leads_per_week = 20", "leads_per_week = 0").replace('source = "example"', "sauce = 1")
    text += "[checks]\nmax_refused_share = 5\n[crm.stages]\nx = 'wishful'\n"
    with pytest.raises(SettingsError, match=r"has 5 problem\(s\)") as error:
        load_settings(written(text))
    for place in (
        "policy.teams.0.leads_per_week",
        "crm.source",
        "crm.sauce",
        "crm.stages.x",
        "checks.max_refused_share",
    ):
        assert f"  - {place}: " in str(error.value)


def test_an_attribute_is_a_category_a_number_or_a_text_and_another_type_is_refused_by_name(written):
    declared = "[crm.attributes.title]\ntable = 'leads'\navailability = 'at_creation'\nmeaning = 'title'\ntype = "
    assert load_settings(written(f"{MINIMAL}{declared}'text'\n")).crm.attributes["title"].column_type == "string"
    with pytest.raises(SettingsError, match=r"crm\.attributes\.title\.type: .*'category', 'number' or 'text'"):
        load_settings(written(f"{MINIMAL}{declared}'words'\n"))


@pytest.mark.parametrize(
    "name", ["email", "work_phone", "first_name", "name", "birthday_month", "street", "home_address", "e_mail"]
)
def test_an_attribute_that_would_identify_a_person_is_refused(written, name):
    with pytest.raises(SettingsError, match=f"'{name}' would hold what identifies a person; leave it out"):
        load_settings(written(MINIMAL + ROLE.format(name=name, availability="immutable")))


@pytest.mark.parametrize("name", ["role", "phonetics", "renamed_at", "addressable_market"])
def test_an_attribute_that_only_sounds_alike_is_not(written, name):
    assert name in load_settings(written(MINIMAL + ROLE.format(name=name, availability="immutable"))).crm.attributes


def test_an_overwritten_attribute_needs_a_reason(written):
    text = MINIMAL + ROLE.format(name="role", availability="overwritten")
    with pytest.raises(SettingsError, match="'role' is overwritten and may hold the outcome"):
        load_settings(written(text))
    assert load_settings(written(text + 'allowed_because = "it never changes after creation"\n')).crm.attributes["role"]


def test_an_activity_kind_is_allowed_with_a_reason_and_never_without(written):
    def text(reason: str) -> str:
        return f'{MINIMAL}{REPLY}[crm.allowed_kinds]\nemail_reply = "{reason}"\n'

    allowed = load_settings(written(text("imported with their own time"))).crm.allowed_kinds
    assert allowed == {"email_reply": "imported with their own time"}
    for reason in ("", "  "):
        with pytest.raises(SettingsError, match=r"crm\.allowed_kinds\.email_reply"):
            load_settings(written(text(reason)))
    with pytest.raises(SettingsError, match="smoke_signal"):
        load_settings(written(MINIMAL + '[crm.allowed_kinds]\nsmoke_signal = "x"\n'))


def test_every_bad_attribute_is_told_at_once(written):
    text = MINIMAL + "".join(ROLE.format(name=name, availability="immutable") for name in ("email", "Role"))
    with pytest.raises(SettingsError, match=r"'email' would hold .*; 'Role' is not a lower-case column name"):
        load_settings(written(text))


def test_a_write_back_field_says_what_it_holds(written):
    text = MINIMAL + "[crm.write_back_fields]\nGrade__c = "
    assert load_settings(written(text + '"grade"\n')).crm.write_back_fields == {"Grade__c": FieldContent.GRADE}
    with pytest.raises(SettingsError, match=r"crm.write_back_fields.Grade__c: Input should be 'grade', 'p_sql'"):
        load_settings(written(text + '"mood"\n'))


def test_a_write_back_field_is_never_an_attribute(written):
    text = MINIMAL + ROLE.format(name="leadscore_grade", availability="immutable")
    with pytest.raises(SettingsError, match="write-back fields may never be inputs: leadscore_grade"):
        load_settings(written(text))


@pytest.mark.parametrize(
    ("name", "said"),
    [("persona", "lists show already, so leave them out: persona"), ("gone", "not declared in .crm.attributes.: gone")],
)
def test_a_segment_is_a_declared_attribute_that_lists_do_not_show_already(written, name, said):
    declared = ROLE.format(name="persona", availability="immutable")
    with pytest.raises(SettingsError, match=said):
        load_settings(written(f'{MINIMAL}{declared}\n[pages]\nsegments = ["{name}"]\n'))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tier", "attributes that are not declared in .crm.attributes.: target_accounts 'tier = A' uses 'tier'"),
        ("role", "target_accounts of .targets. ask for an attribute of leads, not of accounts: role"),
    ],
)
def test_target_accounts_are_told_by_a_declared_attribute_of_accounts(written, name, said):
    text = MINIMAL + ROLE.format(name="role", availability="immutable")
    text += f'[targets]\ntarget_accounts = {{ attribute = "{name}", one_of = ["A"] }}\n'
    with pytest.raises(SettingsError, match=said):
        load_settings(written(text))


def test_a_profile_a_persona_and_a_point_rule_use_declared_attributes_only(written):
    text = (
        MINIMAL
        + """
[[definitions.icp.criteria]]
name = "size"
attribute = "employees"
at_least = 50
[[definitions.personas]]
name = "buyer"
attribute = "role"
one_of = ["Buyer"]
[definitions.point_rule]
threshold = 50
attributes = [{ attribute = "region", one_of = ["DACH"], points = 10 }]
"""
    )
    with pytest.raises(SettingsError) as error:
        load_settings(written(text))
    for user in (
        "icp criterion 'size' uses 'employees'",
        "persona 'buyer' uses 'role'",
        "point rule on 'region' uses 'region'",
    ):
        assert user in str(error.value)


@pytest.mark.parametrize("condition", ["", 'one_of = ["a"]\nat_least = 1'])
def test_a_criterion_has_exactly_one_condition(written, condition):
    text = MINIMAL + f'[[definitions.icp.criteria]]\nname = "size"\nattribute = "x"\n{condition}\n'
    with pytest.raises(SettingsError, match="the condition on 'x' needs either one_of or at_least/at_most"):
        load_settings(written(text))


def test_the_transitions_are_both_steps_or_the_whole_way(written):
    whole = MINIMAL.replace("mql_to_sql", "mql_to_win").replace("transitions.sql_to_win.horizon_days = 90\n", "")
    assert load_settings(written(whole)).definitions.first_transition is Transition.MQL_TO_WIN
    with pytest.raises(SettingsError, match="define either both mql_to_sql and sql_to_win, or mql_to_win alone"):
        load_settings(written(MINIMAL.replace("mql_to_sql", "mql_to_win")))


def test_the_data_folder_may_be_given_beside_the_file(written):
    assert load_settings(written(MINIMAL), data_folder=Path("/elsewhere")).crm.data_folder == Path("/elsewhere")


def test_a_missing_and_a_broken_file_are_named(tmp_path: Path, written):
    with pytest.raises(SettingsError, match=r"there is no settings file .*nowhere\.toml; give one with --config"):
        load_settings(tmp_path / "nowhere.toml")
    with pytest.raises(SettingsError, match=r"scoring\.toml is not valid TOML"):
        load_settings(written("[definitions"))
    broken = written("")
    broken.write_bytes(b"[crm]\nsource = '\xff'\n")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        load_settings(broken)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            MINIMAL.replace("data_folder", "data_foldr"),
            "crm.data_foldr: there is no such setting; did you mean data_folder?",
        ),
        (MINIMAL + "[check]\nmax_refused_share = 1\n", "check: there is no such setting; did you mean checks?"),
        (
            MINIMAL + ROLE.format(name="role", availability="immutable") + "allowed_becuse = 'x'\n",
            "crm.attributes.role.allowed_becuse: there is no such setting; did you mean allowed_because?",
        ),
        (
            MINIMAL + "[[definitions.icp.criteria]]\nname = 'x'\nattribute = 'y'\nat_most = 1\nwieght = 1\n",
            "definitions.icp.criteria.0.wieght: there is no such setting; did you mean weight?",
        ),
        (
            MINIMAL + "[definitions.point_rule]\nthreshhold = 1\n",
            "definitions.point_rule.threshhold: there is no such setting; did you mean threshold?",
        ),
        (
            MINIMAL + "[definitions.transitions.mql_to_win]\nhorizon = 1\n",
            "definitions.transitions.mql_to_win.horizon: there is no such setting; did you mean horizon_days?",
        ),
        (
            MINIMAL + "[engine]\nram = 1\n",
            "engine.ram: there is no such setting; there are kind, selects, memory_limit, postgres_schema",
        ),
    ],
)
def test_an_unknown_setting_names_the_nearest_one(written, text, told):
    with pytest.raises(SettingsError) as error:
        load_settings(written(text))
    assert f"  - {told}" in str(error.value).splitlines()


def test_folders_are_those_of_the_project_and_a_data_folder_of_the_command_line_is_where_one_works(
    written, tmp_path, monkeypatch
):
    path = written(MINIMAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEADSCORE_HOME", raising=False)
    assert load_settings(path).store.folder == tmp_path / "var"
    monkeypatch.setenv("LEADSCORE_HOME", "/srv/leadscore")
    settings = load_settings(path)
    assert [settings.crm.sources_folder, settings.crm.data_folder, settings.store.folder] == [
        Path("/srv/leadscore/config/sources"),
        Path("/srv/leadscore/data"),
        Path("/srv/leadscore/var"),
    ]
    assert load_settings(path, data_folder=Path("export")).crm.data_folder == tmp_path / "export"
    shown = load_settings(written(MINIMAL + '[pages]\nresources = "config/resources.toml"\n')).pages
    assert shown.resources == Path("/srv/leadscore/config/resources.toml")
    assert load_settings(written(MINIMAL.replace('"var"', '"/mnt/var"'))).store.folder == Path("/mnt/var")


@pytest.mark.parametrize("sign", ["[1]", "*", "?"])
@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("crm.data_folder", 'data_folder = "data"'),
        ("crm.sources_folder", 'sources_folder = "sources"'),
        ("store.folder", 'folder = "var"'),
    ],
)
def test_a_folder_that_the_engine_would_take_for_a_pattern_is_refused(written, sign, place, line):
    text = MINIMAL + 'sources_folder = "sources"\n'
    assert text.count(f"\n{line}\n") == 1
    pattern = re.escape(line.split('"')[1] + sign)
    with pytest.raises(SettingsError, match=rf"  - {place}: .*{pattern}.*: the engine would take it for a p") as error:
        load_settings(written(text.replace(f"\n{line}\n", f'\n{line[:-1]}{sign}"\n')))
    assert "has 1 problem(s)" in str(error.value)


def test_a_data_folder_of_the_command_line_is_refused_as_a_pattern_too(written):
    with pytest.raises(SettingsError, match=r"data\[1\]' holds \[ \]: the engine would take it for a pattern"):
        load_settings(written(MINIMAL), data_folder=Path("data[1]"))


def test_a_missing_settings_file_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"there is no settings file {tmp_path / 'nowhere.toml'}; give one with"):
        load_settings(Path("nowhere.toml"))


@pytest.mark.parametrize("folder", ["what # is", "100 %", "it's", "ä"])
def test_other_signs_in_folders_are_no_matter(written, folder):
    assert load_settings(written(MINIMAL.replace('"var"', f'"{folder}"'))).store.folder.name == folder
