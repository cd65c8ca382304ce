"""The catalogue as a whole: every feature is told, tested by a spec, and in the digest."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import ibis
import pytest

from data_contracts.errors import SettingsError
from features import catalogue
from features.build import build_features
from features.catalogue import _digest_under, catalogue_digest, features_of, features_of_history
from features.measures import Measure
from tests.example_kinds import KINDS
from tests.features.spec_files import all_specs

ROOT = Path(__file__).parents[2]
TRIVIAL = {None, "0", ""}


def names(settings):
    return [feature.name for feature in features_of(settings)]


def test_every_feature_has_a_spec_with_a_value_that_is_not_trivial(settings):
    specified = {
        name
        for spec in all_specs()
        for row in spec.tables.get("features", [])
        for name, cell in row.items()
        if cell not in TRIVIAL
    }
    assert set(names(settings)) - specified == set()


def test_every_feature_says_what_it_means_and_what_missing_means(settings):
    untold = [
        feature.name
        for feature in features_of_history(settings.crm.kinds)
        if not (feature.column.meaning and feature.column.missing)
        or (feature.column.type == "number" and not feature.column.unit)
    ]
    assert untold == []


def test_the_features_of_the_profile_and_of_declared_attributes_come_after_those_of_the_history(settings):
    assert names(settings)[len(features_of_history(settings.crm.kinds)) :] == [
        "icp_industry_core",
        "icp_company_size",
        "icp_seniority",
        "icp_fit_share",
        "attribute_industry",
        "attribute_employees",
        "attribute_seniority",
        "attribute_budget",
    ]


def test_criteria_whose_columns_would_have_one_name_are_refused(settings_with):
    criteria = [
        {"name": name, "attribute": "industry", "one_of": ["software"]} for name in ("Core industry", "core-industry")
    ]
    with pytest.raises(SettingsError, match=r"two features would be called 'icp_core_industry'"):
        features_of(settings_with(definitions={"icp": {"criteria": criteria}}))


def test_criteria_that_do_not_suit_their_attribute_are_refused_all_at_once(settings_with):
    criteria = [
        {"name": "size", "attribute": "employees", "one_of": ["50"]},
        {"name": "branch", "attribute": "industry", "at_least": 3},
    ]
    with pytest.raises(SettingsError, match=r"'size' has one_of, but 'employees' is a number.*'branch' has a range"):
        features_of(settings_with(definitions={"icp": {"criteria": criteria}}))


def test_a_seller_reads_the_phrase_of_an_attribute_and_the_documents_say_what_it_means(settings_with):
    declared = settings_with().crm.model_dump(mode="json")["attributes"]
    declared["budget"] |= {"phrase": "may spend", "unit": "EUR"}
    said = {f.name: f.column.said for f in features_of(settings_with(crm={"attributes": declared}))}
    assert said["attribute_budget"].words(5000.0) == "may spend: 5,000 EUR"
    assert said["attribute_budget"].words_for_missing == "may spend: not known"
    assert said["attribute_budget"].meaning == "budget"
    assert said["attribute_seniority"].words("head") == "seniority: head"


def test_a_kind_is_said_in_its_own_words_wherever_it_is_a_feature(settings_with):
    fair = {"family": "request", "direction": "inbound", "phrase": {"did": "came to our fair"}}
    said = {f.name: f.column.said for f in features_of(settings_with(crm={"kinds": KINDS | {"fair": fair}}))}
    assert said["n_fair_30d"].words(2) == "came to our fair 2 times in the last 30 days"
    assert said["days_since_fair"].meaning == "time since it last came to our fair"
    assert "came to our fair" in said["n_others_fair_90d"].meaning


def test_a_kind_whose_name_would_be_that_of_a_feature_of_ours_is_refused(settings_with):
    kinds = KINDS | {"inbound": KINDS["page_view"]}
    with pytest.raises(SettingsError, match=r"two features would be called 'n_inbound_30d', 'n_inbound_7d'"):
        features_of(settings_with(crm={"kinds": kinds}))


def test_a_text_is_a_feature_that_is_read_by_its_words_and_no_criterion_asks_for_it(settings_with):
    title = {"table": "leads", "type": "text", "availability": "at_creation", "meaning": "job title"}
    declared = settings_with().crm.model_dump(mode="json")["attributes"] | {"title": title}
    under = settings_with(crm={"attributes": declared})
    (column,) = [feature.column for feature in features_of(under) if feature.name == "attribute_title"]
    assert (column.type, column.said.words("VP Sales"), column.said.words_for_missing) == (
        "text",
        "job title: VP Sales",
        "job title: not known",
    )
    icp = {"criteria": [{"name": "who", "attribute": "title", "one_of": ["VP"]}]}
    with pytest.raises(SettingsError, match=r"'who' asks for 'title', a free text; ask for a category or a number"):
        features_of(settings_with(crm={"attributes": declared}, definitions={"icp": icp}))


@pytest.fixture
def computed_anew():
    """The digest is computed once for all settings that are equal, and what is patched here is no setting."""
    _digest_under.cache_clear()
    yield
    _digest_under.cache_clear()


@pytest.fixture(scope="module")
def digest(settings):
    return catalogue_digest(settings)


def test_the_digest_stays_the_same_under_another_point_rule(digest, settings_with):
    assert digest == catalogue_digest(settings_with(definitions={"point_rule": None}))


@pytest.mark.parametrize(
    "changed",
    [
        {"definitions": {"icp": {}}},
        {"definitions": {"icp": {"criteria": [{"name": "company size", "attribute": "employees", "at_least": 51}]}}},
        {
            "definitions": {"icp": {}, "point_rule": None},
            "crm": {
                "attributes": {
                    "industry": {"table": "leads", "type": "category", "availability": "immutable", "meaning": "trade"}
                }
            },
        },
    ],
    ids=["no profile", "another boundary", "other attributes"],
)
def test_the_digest_changes_with_the_profile_and_the_attributes(digest, settings_with, changed):
    assert digest != catalogue_digest(settings_with(**changed))


def test_the_digest_changes_with_a_formula_though_its_name_and_meaning_stay(
    digest, settings, monkeypatch, computed_anew
):
    first, *others = features_of_history(settings.crm.kinds)
    doubled = Measure(first.name, first.measure.scan, lambda table: first.measure.value(table) * 2, 0.0)
    altered = dataclasses.replace(first, measure=doubled)
    monkeypatch.setattr(catalogue, "features_of_history", lambda kinds: (altered, *others))
    assert catalogue_digest(settings) != digest


def test_the_digest_changes_with_what_counts_as_known(digest, settings, monkeypatch, computed_anew):
    monkeypatch.setattr("features.known.LARGEST_BUYING_GROUP", 7)
    assert catalogue_digest(settings) != digest


@pytest.fixture(scope="module")
def feature_table(make_history, make_snapshots, settings):
    return build_features(make_history({}), make_snapshots([]), settings=settings).table


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery", "databricks", "trino"])
def test_the_features_compile_for_other_engines(feature_table, settings, dialect):
    sql = ibis.to_sql(feature_table, dialect=dialect)
    assert all(name in sql for name in names(settings))


def test_the_digest_is_the_same_in_every_process():
    code = (
        "from pathlib import Path; from data_contracts.settings import load_settings; "
        "from features.catalogue import _digest_under, catalogue_digest; "
        "print(catalogue_digest(load_settings(Path('config/scoring.toml'))))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 9)
    }
    assert len(digests) == 1
