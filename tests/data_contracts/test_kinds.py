"""Kinds of activity, in the business's own words."""

import pytest

from data_contracts.errors import SettingsError
from data_contracts.kinds import agreed_contact
from data_contracts.settings import load_settings
from tests.data_contracts.test_settings import MINIMAL

KIND = """
[crm.kinds.{name}]
words = {words}
family = "dialogue"
direction = "outbound"
phrase = {{ did = "on the phone with us", auxiliary = "was" }}
"""
POINTS = """
[definitions.point_rule]
threshold = 30
activities = [{ kind = "call", points = 5 }, { kind = "webinar", points = 14 }, { kind = "fax", points = 1 }]
"""


def kind(name: str = "call", *words: str, **more: object) -> str:
    """One kind, with further settings as TOML."""
    return KIND.format(name=name, words=list(words)) + "".join(f"{key} = {value}\n" for key, value in more.items())


@pytest.fixture
def problems(tmp_path):
    """What is said of a settings file with these sections beside the least there is."""

    def told(*sections: str) -> str:
        path = tmp_path / "scoring.toml"
        path.write_text(MINIMAL + "".join(sections), encoding="utf-8")
        with pytest.raises(SettingsError) as error:
            load_settings(path)
        return str(error.value)

    return told


def test_all_that_is_wrong_with_the_kinds_is_told_at_once(problems):
    said = problems(
        kind("call", "Call", "Dial", least_seconds=20, otherwise="'missed'"),
        kind("meeting", "Dial", "Visit", "Visit", otherwise="'call'"),
        kind("Fax"),
        "[crm.allowed_kinds]\nchat = 'imported'\n",
    )
    for problem in (
        "the word 'Dial' stands under call and meeting; leave it under one kind, once",
        "the word 'Visit' stands under meeting and meeting",
        "kind 'call' is otherwise 'missed', which is not declared",
        "kind 'meeting' is otherwise 'call', which must have no least_seconds and no outcomes of its own",
        "kind 'meeting' says otherwise without least_seconds or outcomes: it would never hold",
        "kind 'Fax': a kind is named in lower-case letters",
        "allowed_kinds names 'chat', which is not declared",
    ):
        assert problem in said


def test_every_kind_of_the_point_rule_that_is_not_declared_is_told_with_the_attributes_that_are_not(problems):
    persona = '[[definitions.personas]]\nname = "IT"\nattribute = "role"\none_of = ["IT"]\n'
    said = problems(kind("call"), POINTS, persona)
    assert "kinds of the point rule that are not declared in [crm.kinds]: webinar, fax" in said
    assert "persona 'IT' uses 'role'" in said


def test_the_old_table_of_words_is_refused_with_the_new_form(problems):
    said = problems('[crm.activity_kinds]\n"Visited Page" = "page_view"\n')
    assert "crm.activity_kinds: each kind of activity is now declared under its own name" in said
    assert '[crm.kinds.page_view] with words = ["Visited Page"], family = "browsing"' in said


def test_a_family_that_there_is_not_and_a_kind_without_a_phrase_are_refused(problems):
    said = problems('[crm.kinds.call]\nfamily = "phone"\ndirection = "outbound"\n')
    assert "crm.kinds.call.family: Input should be 'browsing'" in said
    assert "crm.kinds.call.phrase: Field required" in said


def test_the_agreement_holds_the_kinds_that_count_as_contact(tmp_path):
    path = tmp_path / "scoring.toml"
    path.write_text(MINIMAL + kind("call", counts_as_contact="true") + kind("mail"), encoding="utf-8")
    settings = load_settings(path)
    assert settings.definitions.contact.kinds == ("call",)
    assert type(settings).model_validate_json(settings.model_dump_json()) == settings


def test_kinds_of_contact_that_are_written_by_hand_and_say_otherwise_are_refused(problems):
    said = problems(kind("call", counts_as_contact="true"), "[definitions.contact]\nkinds = ['call', 'mail']\n")
    assert "definitions.contact.kinds: this setting is now counts_as_contact of each kind" in said
    assert "there it is true of call" in said


@pytest.mark.parametrize(
    "content",
    [None, {}, {"definitions": 1, "crm": {}}, {"definitions": {}, "crm": {"kinds": [1]}},
     {"definitions": {"contact": 1}, "crm": {}}],
)  # fmt: skip
def test_what_is_no_content_of_a_settings_file_is_left_to_the_validation(content):
    assert agreed_contact(content) == content
