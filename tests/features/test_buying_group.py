"""Spec tests: what colleagues did. The tables are in `specs/buying_group.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
