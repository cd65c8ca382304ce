"""Spec tests: a lead's way so far and where it came from. The tables are in `specs/funnel.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
