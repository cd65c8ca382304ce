"""How features are said: by parts that a release keeps, so that it says the same when it is read again."""

from typing import get_args

import pytest
from pydantic import TypeAdapter

from data_contracts.sayings import Saying
from data_contracts.snapshots import FeatureColumn
from features.catalogue import features_of


def test_a_column_that_is_kept_as_json_is_read_again_as_it_was(settings):
    columns = TypeAdapter(tuple[FeatureColumn, ...])
    ours = tuple(feature.column for feature in features_of(settings))
    assert columns.validate_json(columns.dump_json(ours), strict=True) == ours


def test_every_kind_of_saying_is_used(settings):
    kinds, _ = get_args(Saying)
    assert {type(feature.column.said) for feature in features_of(settings)} == set(get_args(kinds))


def test_a_saying_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="does not match any of the expected tags"):
        TypeAdapter(Saying).validate_python({"kind": "guess", "did": "opened pricing"})


def test_what_was_done_to_a_lead_is_said_with_its_adverb_after_the_auxiliary(settings):
    meanings = {feature.name: feature.column.meaning for feature in features_of(settings)}
    assert meanings["days_since_assessment"] == "time since it was last assessed by us"
    assert meanings["days_since_meeting"] == "time since it last met us"
