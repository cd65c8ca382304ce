"""Spec tests: fit to the agreed profile. The tables are in `specs/icp_fit.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
