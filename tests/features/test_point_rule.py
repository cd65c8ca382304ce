"""Spec tests: the points of the hand-tuned rule. The tables are in `specs/point_rule.txt`."""


def test_the_features_are_those_of_the_spec(spec, check_features):
    check_features(spec)
