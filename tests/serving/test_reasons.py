import numpy as np
import pandas as pd
import pytest

from serving.phrases import Phrasing
from serving.reasons import LEAST_LOG_ODDS, NO_SIGNAL, Reasoner, no_signal, outside_profile, weightiest


def phrasing(name: str, *, family: str = "") -> Phrasing:
    """Says a feature as `name=value`."""
    return Phrasing(family or name, name, lambda value: f"{name}={value}", is_of_profile=False)


def reasons_of(contributions: dict[str, float], *, families: dict[str, str] | None = None) -> list[str | None]:
    """The reasons of one lead whose features all have the value 7."""
    reasoner = Reasoner.of({name: phrasing(name, family=(families or {}).get(name, "")) for name in contributions})
    values = pd.DataFrame({name: [7.0] for name in contributions})
    return reasoner.reasons(pd.DataFrame([contributions]), values)[0].tolist()


def test_the_three_weightiest_features_are_said_weightiest_first_with_their_direction():
    assert reasons_of({"a": 0.2, "b": -0.9, "c": 0.1, "d": 0.3}) == ["lowers: b=7.0", "raises: d=7.0", "raises: a=7.0"]


def test_what_hardly_moves_the_probability_is_no_reason():
    just_enough = {"a": LEAST_LOG_ODDS, "b": -LEAST_LOG_ODDS * 0.99, "c": 0.0}
    assert reasons_of(just_enough) == ["raises: a=7.0", None, None]


def test_a_lead_sees_what_speaks_against_it_even_where_more_speaks_for_it():
    assert reasons_of({"a": 0.9, "b": 0.8, "c": 0.7, "d": -0.1}) == ["raises: a=7.0", "raises: b=7.0", "lowers: d=7.0"]
    assert reasons_of({"a": 0.9, "b": 0.8, "c": 0.7, "d": -0.01}) == ["raises: a=7.0", "raises: b=7.0", "raises: c=7.0"]


def test_ties_are_told_in_order_of_the_features():
    sizes = np.random.default_rng(0).integers(0, 4, size=(500, 9)).astype(float)
    assert weightiest(sizes).tolist() == np.argsort(-sizes, axis=1, kind="stable")[:, :3].tolist()


def test_a_family_gets_one_reason_said_by_its_strongest_member():
    windows = {"week": "pricing", "month": "pricing", "quarter": "pricing"}
    reasons = reasons_of({"week": 0.5, "month": 0.9, "quarter": 0.6, "other": -0.3}, families=windows)
    assert reasons == ["raises: month=7.0", "lowers: other=7.0", None]


def test_a_family_weighs_its_sum_and_is_said_by_a_member_that_pulls_that_way():
    # 0.9 - 1.0 + 0.3 = 0.2 > 0, so the member with the largest rise says it.
    reasons = reasons_of({"a": 0.9, "b": -1.0, "c": 0.3, "d": 0.4}, families=dict.fromkeys("abc", "family"))
    assert reasons == ["raises: d=7.0", "raises: a=7.0", None]


def test_members_that_cancel_each_other_are_no_reason():
    assert reasons_of({"a": 2.0, "b": -2.0, "c": 0.1}, families={"a": "f", "b": "f"}) == ["raises: c=7.0", None, None]


def test_each_lead_reads_its_own_value_and_missing_is_said_as_missing():
    reasoner = Reasoner.of({"number": phrasing("number"), "word": phrasing("word")})
    values = pd.DataFrame({"number": [1.0, np.nan, 3.0], "word": pd.Series(["x", None, "z"], dtype="str")})
    contributions = pd.DataFrame({"number": [1.0, 1.0, -1.0], "word": [-0.5, -0.5, 2.0]}, index=[5, 6, 7])
    assert reasoner.reasons(contributions, values).tolist() == [
        ["raises: number=1.0", "lowers: word=x", None],
        ["raises: number=None", "lowers: word=None", None],
        ["raises: word=z", "lowers: number=3.0", None],
    ]


def test_only_the_features_of_the_reasoner_take_part():
    reasoner = Reasoner.of({"a": phrasing("a")})
    frame = pd.DataFrame({"a": [0.2], "profile": [5.0]})
    assert reasoner.reasons(frame, frame).tolist() == [["raises: a=0.2", None, None]]


def test_no_leads_have_no_reasons():
    frame = pd.DataFrame({"a": pd.Series([], dtype=float)})
    assert Reasoner.of({"a": phrasing("a")}).reasons(frame, frame).shape == (0, 3)


def test_a_lead_outside_the_profile_reads_first_what_it_misses():
    own = np.array([["raises: a", "lowers: b", "raises: c"], [NO_SIGNAL, None, None]], dtype=object)
    assert outside_profile(own, [["size", "region"], ["size"]]).tolist() == [
        ["lowers: outside the agreed profile (size, region)", "raises: a", "lowers: b"],
        ["lowers: outside the agreed profile (size)", NO_SIGNAL, None],
    ]


def test_no_lead_outside_the_profile_is_no_error():
    assert outside_profile(no_signal(0), []).shape == (0, 3)


def test_where_no_signal_was_found_the_reason_says_so():
    assert no_signal(2).tolist() == [["no signal found: base rate", None, None]] * 2


@pytest.mark.parametrize("seed", range(5))
def test_the_weightiest_are_what_a_plain_search_finds(seed):
    weights = np.random.default_rng(seed).normal(size=(200, 6)).round(2)
    for row, chosen in zip(weights, weightiest(weights), strict=True):
        order = sorted(range(6), key=lambda column: (-abs(row[column]), column))
        expected = order[:3]
        opposite = [c for c in order if row[c] * row[order[0]] < 0 and abs(row[c]) >= LEAST_LOG_ODDS]
        if opposite and all(row[c] * row[order[0]] > 0 for c in expected):
            expected = [*order[:2], opposite[0]]
        assert chosen.tolist() == expected
