import pytest

from data_contracts.sayings import Attribute, Criterion
from data_contracts.snapshots import FeatureColumn
from features.catalogue import features_of
from serving.phrases import phrasings
from tests.example_history import settings

COLUMNS = tuple(feature.column for feature in features_of(settings()))
SAID = phrasings(COLUMNS)

EXAMPLES = [
    # feature, value, words
    ("n_pricing_view_7d", 4.0, "opened pricing 4 times in the last 7 days"),
    ("n_pricing_view_7d", 1.0, "opened pricing once in the last 7 days"),
    ("n_pricing_view_7d", 0.0, "never opened pricing in the last 7 days"),
    ("n_call_30d", 0.0, "was never on the phone with us in the last 30 days"),
    ("n_assessment", 2.0, "was assessed by us 2 times"),
    ("n_active_days_30d", 5.0, "was active of its own accord on 5 days in the last 30 days"),
    ("n_active_days_30d", 0.0, "was never active of its own accord in the last 30 days"),
    ("inbound_intensity_7d", 0.4, "was hardly active of its own accord of late"),
    ("inbound_intensity_7d", 2.34, "was active of its own accord of late (weight 2.3)"),
    ("inbound_trend", 0.1, "became more active in the last 7 days"),
    ("inbound_trend", -0.1, "became less active in the last 7 days"),
    ("inbound_trend", 0.0, "is as active as in the month before"),
    ("days_since_meeting", 3.9, "last met us 3 days ago"),
    ("days_since_meeting", 0.5, "last met us 12 hours ago"),
    ("days_since_meeting", None, "never met us"),
    ("days_since_outbound", 1.0, "was last approached by us 1 day ago"),
    ("days_since_outbound", None, "was never approached by us"),
    ("n_others", 0.0, "has no colleagues who are leads as well"),
    ("n_others", 1.0, "has 1 colleague who is a lead as well"),
    ("n_others", 3.0, "has 3 colleagues who are leads as well"),
    ("n_others", None, "nothing is known of colleagues"),
    ("n_others_active_30d", 1.0, "has 1 colleague who was active of their own accord in the last 30 days"),
    ("n_others_won", 1.0, "has 1 colleague who became a customer"),
    ("n_others_pricing_view_90d", 0.0, "has no colleagues who opened pricing in the last 90 days"),
    ("n_others_pricing_view_90d", 1.0, "has a colleague who opened pricing once in the last 90 days"),
    ("n_others_pricing_view_90d", 2.0, "has colleagues who opened pricing 2 times in the last 90 days"),
    ("days_since_others_inbound", 2.0, "a colleague last did something of their own accord 2 days ago"),
    ("current_stage", "sal", "stands in sal"),
    ("days_in_stage", 12.0, "has been in its stage for 12 days"),
    ("days_to_stage", 0.01, "took less than an hour from its creation until it entered its stage"),
    ("lead_age_days", 40.0, "was created 40 days ago"),
    ("n_recycles", 1.0, "came back and became MQL again once"),
    ("days_since_sql", None, "never became SQL"),
    ("source", "web", "source: web"),
    ("source", None, "source: not known"),
    ("created_weekday", 0.0, "was created on a Monday"),
    ("created_hour", 14.0, "was created at 14:00 to 14:59 UTC"),
    ("icp_fit_share", 0.5, "meets 50% of what the agreed profile asks for"),
    ("icp_fit_share", None, "nothing is known that the agreed profile asks for"),
    ("icp_company_size", 12.0, "company size: 12 is below the agreed 50"),
    ("icp_company_size", 5000.0, "company size: 5,000 is above the agreed 999"),
    ("icp_company_size", 50.0, "company size: 50 is as agreed"),
    ("icp_company_size", None, "company size: not known"),
    ("icp_industry", "mining", "industry: mining is not among those agreed"),
    ("icp_industry", "software", "industry: software is as agreed"),
    ("attribute_employees", 12.0, "company size: 12 is below the agreed 50"),
]


@pytest.mark.parametrize(("feature", "value", "expected"), EXAMPLES)
def test_a_value_is_said_in_words_a_seller_reads(feature, value, expected):
    assert SAID[feature].words(value) == expected


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_feature_of_the_catalogue_is_said_in_words_of_its_own(column):
    values = [0.0, 1.0, 3.0] if column.type == "number" and column.name not in SAID_BY_AN_ATTRIBUTE else ["value"]
    for value in [*values, None]:
        said = SAID[column.name].words(value)
        assert said.strip() == said != ""
        assert "  " not in said


SAID_BY_AN_ATTRIBUTE = {name for name, phrasing in SAID.items() if phrasing.reads != name}


def test_a_criterion_is_said_by_the_value_of_its_attribute():
    assert sorted(SAID_BY_AN_ATTRIBUTE) == ["icp_company_size", "icp_industry"]
    assert SAID["icp_company_size"].reads == "attribute_employees"


def families(*names: str) -> set[str]:
    return {SAID[name].family for name in names}


def test_windows_and_recency_of_one_behaviour_are_one_family_and_other_behaviours_are_not():
    pricing = ("n_pricing_view_7d", "n_pricing_view_30d", "n_pricing_view_90d", "days_since_pricing_view")
    assert families(*pricing) == {"pricing_view"}
    assert len(families("n_pricing_view_7d", "n_page_view_7d", "n_webinar_30d", "n_inbound_7d")) == 4


def test_features_that_say_much_the_same_are_one_family():
    assert len(families("n_inbound_7d", "n_active_days_90d", "inbound_intensity_30d", "days_since_inbound")) == 1
    assert len(families("n_others", "n_others_won", "days_since_others_inbound")) == 1
    assert len(families("days_in_stage", "lead_age_days", "days_since_mql", "current_stage")) == 1
    assert len(families("n_nurture", "n_recycles")) == 1
    assert len(families("source", "campaign")) == 1
    assert len(families("icp_company_size", "attribute_employees")) == 1
    assert len(families("n_nurture", "source", "created_hour", "n_others", "icp_industry", "days_in_stage")) == 6


def test_what_says_the_fit_with_the_agreed_profile_is_marked():
    marked = {name for name, phrasing in SAID.items() if phrasing.is_of_profile}
    assert marked == {"icp_company_size", "icp_industry", "icp_fit_share", "attribute_employees", "attribute_industry"}


def test_a_customers_own_attribute_is_said_by_its_meaning_and_unit():
    columns = (
        FeatureColumn("attribute_revenue", "number", "attributes", Attribute("yearly revenue", "EUR"), "not known"),
        FeatureColumn("attribute_trial", "number", "attributes", Attribute("length of its trial", "days"), "not known"),
        FeatureColumn("attribute_role", "category", "attributes", Attribute("what the person works in"), "not known"),
    )
    said = phrasings(columns)
    assert said["attribute_revenue"].words(1_250_000.0) == "yearly revenue: 1,250,000 EUR"
    assert said["attribute_trial"].words(14.0) == "length of its trial: 14 days"
    assert said["attribute_role"].words("IT") == "what the person works in: IT"
    assert said["attribute_role"].words(None) == "what the person works in: not known"


def test_of_two_criteria_on_one_attribute_the_first_says_the_attribute():
    reads = "attribute_employees"
    large, small = Criterion("large enough", reads, at_least=50), Criterion("not too large", reads, at_most=999)
    columns = (
        FeatureColumn("icp_large_enough", "number", "icp_fit", large, ""),
        FeatureColumn("icp_not_too_large", "number", "icp_fit", small, ""),
        FeatureColumn(reads, "number", "attributes", Attribute("employees"), ""),
    )
    said = phrasings(columns)
    assert said[reads].words(12.0) == "large enough: 12 is below the agreed 50"
    assert said["icp_not_too_large"].words(1000.0) == "not too large: 1,000 is above the agreed 999"
