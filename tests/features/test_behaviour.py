"""Spec tests: what a lead did, and what was done for it. The tables are in `specs/behaviour.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
