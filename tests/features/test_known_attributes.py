"""Spec tests: attributes as they were known. The tables are in `specs/known_attributes.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
