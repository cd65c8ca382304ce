"""How the pages speak, as revenue operations says it."""

import pytest
from pydantic import ValidationError

from data_contracts.page_settings import PageSettings


@pytest.mark.parametrize("locale", ["en", "en_GB", "de_CH", "pt_BR"])
def test_a_locale_is_known_by_its_name(locale):
    assert PageSettings(locale=locale).locale == locale


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"locale": "xx_YY"}, "'xx_YY' is no locale"),
        ({"locale": ""}, "is no locale"),
        ({"url": "file:///tmp/pages"}, "is no web address"),
        ({"url": "javascript:alert(1)"}, "is no web address"),
        ({"record_url": "javascript:alert('{lead_id}')"}, "is no web address"),
        ({"record_url": "https://crm.example/leads"}, "has to hold {lead_id} once"),
        ({"record_url": "https://crm.example/{lead_id}/{owner}"}, "and no other name in braces"),
        ({"record_url": "https://crm.example/{lead_id"}, "cannot be read"),
        ({"least_group": 1}, "greater than or equal to 2"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(given, said):
    with pytest.raises(ValidationError, match=said):
        PageSettings(**given)


def test_an_id_is_quoted_wherever_it_could_lead_elsewhere():
    told = PageSettings(record_url="https://crm.example/leads/{lead_id}")
    assert told.record_of("../x?a=1#b") == "https://crm.example/leads/..%2Fx%3Fa%3D1%23b"
    assert PageSettings().record_of("L-1") is None


def test_segments_that_a_release_does_not_know_are_left_out():
    assert PageSettings(segments=("region", "new")).showing(["region"]).segments == ("region",)
