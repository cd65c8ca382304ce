import pytest

from data_contracts.configuration import Configuration, redeclared
from data_contracts.crm_mapping import AttributeDeclaration, CrmMapping
from data_contracts.errors import SettingsError
from data_contracts.settings import Settings
from tests.example_history import settings

EMPLOYEES = settings().crm.attributes["employees"]


def configuration(attributes: dict[str, AttributeDeclaration] | None = None, **definitions: object) -> Configuration:
    agreed = settings(**definitions)
    return Configuration(
        definitions=agreed.definitions,
        attributes=agreed.crm.attributes if attributes is None else attributes,
        kinds=agreed.crm.kinds,
    )


def test_what_differs_is_named_by_its_path_with_both_values():
    before = configuration()
    after = configuration(
        {"employees": EMPLOYEES, "region": EMPLOYEES},
        version="2026.2",
        transitions={"mql_to_sql": {"horizon_days": 21}, "sql_to_win": {"horizon_days": 30}},
        icp={
            "criteria": [
                {"name": "company size", "attribute": "employees", "at_least": 10},
                {"name": "place", "attribute": "employees", "at_least": 1},
            ]
        },
    )
    assert set(before.differences(after)) == {
        "definitions.version 2026.1 -> 2026.2",
        "definitions.transitions.mql_to_sql.horizon_days 30 -> 21",
        "definitions.icp.criteria.company size.at_least 50.0 -> 10.0",
        "definitions.icp.criteria.company size.at_most 999.0 -> nothing",
        "definitions.icp.criteria.industry removed",
        "definitions.icp.criteria.place added",
        "crm.attributes.industry removed",
        "crm.attributes.region added",
    }


def test_lists_are_told_by_their_values_and_tables_without_a_name_by_their_place():
    rule = {"threshold": 30, "activities": [{"kind": "webinar", "points": 5}, {"kind": "chat", "points": 2}]}
    other = {"threshold": 30, "activities": [{"kind": "webinar", "points": 5}, {"kind": "chat", "points": 3}]}
    before = configuration(point_rule=rule, agreed_by=["marketing"])
    after = configuration(point_rule=other, agreed_by=["marketing", "sales"])
    assert before.differences(after) == (
        'definitions.agreed_by ["marketing"] -> ["marketing", "sales"]',
        "definitions.point_rule.activities.2.points 2.0 -> 3.0",
    )


def test_the_same_content_has_the_same_digest_and_no_difference_after_being_kept_as_text():
    before = configuration()
    kept = Configuration.model_validate_json(before.model_dump_json())
    assert (kept, kept.digest, kept.differences(before)) == (before, before.digest, ())
    assert configuration(version="2026.2").digest != before.digest
    assert configuration({**before.attributes, "region": EMPLOYEES}).digest != before.digest


def test_it_replaces_definitions_and_attributes_of_the_settings_and_nothing_else():
    before = settings()
    made = configuration({"employees": EMPLOYEES}, icp={}, version="2026.9").under(before)
    assert (made.definitions.version, list(made.crm.attributes)) == ("2026.9", ["employees"])
    assert made.crm.model_copy(update={"attributes": before.crm.attributes}) == before.crm
    assert (made.checks, made.engine) == (before.checks, before.engine)


def test_an_attribute_that_became_a_write_back_field_is_refused():
    before = settings()
    crm = CrmMapping.model_validate(
        before.crm.model_dump() | {"write_back_fields": {"industry": "grade"}, "attributes": {}}
    )
    file = Settings(definitions=configuration(icp={}).definitions, policy=before.policy, crm=crm, store=before.store)
    with pytest.raises(SettingsError, match="write-back fields may never be inputs: industry; mend its"):
        Configuration.of(before).under(file)


def test_attributes_of_another_table_or_type_are_declared_anew_and_others_are_not():
    def changed(**changes: object) -> dict[str, AttributeDeclaration]:
        return {"employees": AttributeDeclaration.model_validate(EMPLOYEES.model_dump() | changes)}

    before = {"employees": EMPLOYEES, "gone": EMPLOYEES}
    assert redeclared(before, changed(type="category")) == ("employees",)
    assert redeclared(before, changed(table="leads")) == ("employees",)
    assert redeclared(before, changed(meaning="people", unit="heads", availability="at_creation")) == ()


def test_allowed_kinds_are_part_of_it_and_leave_the_digest_alone_where_there_are_none():
    before = configuration()
    after = before.model_copy(update={"allowed_kinds": {"chat": "imported"}})
    assert before.differences(after) == ("crm.allowed_kinds added",)
    assert before.digest != after.digest
    assert after.under(settings()).crm.allowed_kinds == {"chat": "imported"}
    assert Configuration.of(after.under(settings())) == after
