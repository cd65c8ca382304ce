"""What a lead brings if it is won: by its profile where that is better on later wins, otherwise one amount."""

import numpy as np
import pandas as pd
import pytest

from data_contracts.amounts import AmountModel, NumberEffect, WordEffect, amount_text, comparison_rows, effect_rows
from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.amounts import HALF_AT, LEAST_ALIKE, expected_amounts, learn_amounts, one_amount
from models.evidence import LEAST_ACCOUNTS

COLUMNS = (
    FeatureColumn("attribute_employees", "number", "attributes", Attribute("employees"), "unknown"),
    FeatureColumn("attribute_plan", "category", "attributes", Attribute("plan"), "unknown"),
    FeatureColumn("n_calls", "number", "behaviour", Attribute("calls"), "none"),
)
MODEL = AmountModel(
    base=1_000.0,
    lowest=400.0,
    highest=5_000.0,
    mean=1_200.0,
    n_deals=90,
    numbers=(NumberEffect(feature="attribute_employees", center=np.log(10.0), coefficient=1.0),),
    words=(WordEffect(feature="attribute_plan", coefficients={"gold": float(np.log(2.0))}),),
    said="as learnt",
)


def wins(n: int, *, seed: int = 0, power: float = 1.0, noise: float = 0.3) -> pd.DataFrame:
    """Wins, one an hour, that bring employees to the `power`, twice as much with the plan gold, and noise."""
    random = np.random.default_rng(seed)
    employees = np.exp(random.uniform(2, 6, n))
    plan = np.where(random.random(n) < 0.3, "gold", "basic")
    mean = 100 * employees**power * np.where(plan == "gold", 2.0, 1.0) ** (power > 0)
    return pd.DataFrame(
        {
            "lead_id": [f"L{nth:04}" for nth in range(n)],
            "group_id": [f"A{nth:04}" for nth in range(n)],
            "won_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), unit="h"),
            "attribute_employees": employees,
            "attribute_plan": plan,
            "n_calls": random.poisson(3.0, n).astype(float),
            "revenue": mean * np.exp(random.normal(0, noise, n) - noise**2 / 2),
        }
    )


def learnt(frame: pd.DataFrame) -> AmountModel:
    return learn_amounts(frame[["lead_id", "won_at", "revenue"]], frame, columns=COLUMNS)


def lead(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([{"attribute_employees": 9.0, "attribute_plan": "basic", "n_calls": 0.0} | changes])


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({}, 1_000.0),
        ({"attribute_employees": 19.0}, 1_000.0 * (1 + 19) / 10),
        ({"attribute_plan": "gold"}, 1_000.0 * 2),
        ({"attribute_employees": None, "attribute_plan": None}, 1_000.0),
        ({"attribute_plan": "never seen"}, 1_000.0),
        ({"attribute_employees": 1e9}, 5_000.0),
        ({"attribute_employees": 0.0}, 400.0),
    ],
)
def test_effects_multiply_and_no_lead_is_given_an_amount_beyond_those_that_were_learnt(changes, amount):
    assert expected_amounts(MODEL, lead(**changes)).tolist() == pytest.approx([amount])


def test_no_leads_are_given_no_amounts():
    assert expected_amounts(MODEL, lead().iloc[:0]).tolist() == []


def test_what_is_expected_of_the_wins_that_were_learnt_from_adds_up_to_what_they_brought():
    frame = wins(200)
    model = learnt(frame)
    assert model.follows_profile
    assert expected_amounts(model, frame).sum() == pytest.approx(frame["revenue"].sum(), rel=1e-9)


def test_what_decides_the_amount_is_found_and_behaviour_is_not_looked_at():
    model = learnt(wins(600))
    (employees,) = model.numbers
    gold = model.words[0].coefficients["gold"] - model.words[0].coefficients["basic"]
    assert employees.coefficient == pytest.approx(1.0, abs=0.1)
    assert np.exp(gold) == pytest.approx(2.0, abs=0.2)
    assert model.comparison.gain.low > 0
    assert model.comparison.error.value < model.comparison.error_of_one.value


def test_an_amount_that_no_profile_tells_stays_one_amount_and_says_so():
    frame = wins(400, power=0.0)
    model = learnt(frame)
    assert (model.numbers, model.words) == ((), ())
    assert expected_amounts(model, lead()).tolist() == pytest.approx([frame["revenue"].mean()])
    assert "not clearly better" in model.said
    assert model.comparison.gain.low <= 0


@pytest.mark.parametrize("n", [1, 5, 2 * LEAST_ACCOUNTS - 1])
def test_few_wins_give_one_amount_the_mean(n):
    frame = wins(n)
    model = learnt(frame)
    assert expected_amounts(model, lead()).tolist() == pytest.approx([frame["revenue"].mean()])
    assert (model.n_deals, model.comparison) == (n, None)
    assert "too few to judge" in model.said


def test_wins_of_one_account_are_one_observation():
    frame = wins(400).assign(group_id="A")
    assert learnt(frame).comparison is None


def test_without_amounts_a_win_counts_as_one():
    nothing = wins(4).iloc[:0]
    assert learnt(nothing).base == 1.0
    assert amount_text(learnt(nothing), "") == (
        "1.00 for every lead: no amount of a won deal is known, so a win counts as one"
    )


def test_a_word_that_fewer_than_five_wins_have_moves_nothing():
    frame = wins(400)
    frame.loc[: LEAST_ALIKE - 2, "attribute_plan"] = "rare"
    assert set(learnt(frame).words[0].coefficients) == {"gold", "basic"}


def test_effects_are_drawn_to_none_the_fewer_wins_speak_for_them():
    """Wins of ten words that bring the same on average: what they happen to differ by is mostly not believed."""
    frame = wins(300, noise=0.8)
    frame["attribute_plan"] = [f"plan {nth % 10}" for nth in range(len(frame))]
    model = learnt(frame)
    apart = (
        (frame["revenue"] / expected_amounts(model.model_copy(update={"words": ()}), frame))
        .groupby(frame["attribute_plan"])
        .mean()
    )
    believed = np.exp(pd.Series(model.words[0].coefficients))
    assert np.abs(np.log(believed)).max() < 0.7 * np.abs(np.log(apart)).max()
    assert model.half_at_of_words > model.half_at_of_numbers == HALF_AT[0]


def test_a_deal_a_hundred_times_as_large_raises_all_leads_alike_and_moves_no_effect_much():
    frame = wins(300)
    plain = learnt(frame)
    huge = frame.copy()
    huge.loc[10, "revenue"] = 100 * frame["revenue"].max()
    model = learnt(huge)
    asked = lead(attribute_employees=huge.loc[10, "attribute_employees"], attribute_plan=huge.loc[10, "attribute_plan"])
    everyone = huge["revenue"].sum() / frame["revenue"].sum()
    factor = expected_amounts(model, asked)[0] / expected_amounts(plain, asked)[0]
    assert factor == pytest.approx(everyone, rel=0.05)
    assert model.numbers[0].coefficient == pytest.approx(plain.numbers[0].coefficient, abs=0.05)


def test_the_order_of_rows_changes_nothing():
    frame = wins(200)
    mixed = frame.sample(frac=1, random_state=1).sort_values("won_at")
    assert learnt(mixed) == learnt(frame)


def test_effects_and_the_comparison_are_said_in_tables():
    model = learnt(wins(200))
    assert effect_rows(MODEL) == [
        {"feature": "attribute_employees", "where": "it doubles, or is 1 in place of 0", "factor": "2.000"},
        {"feature": "attribute_plan", "where": "it is gold", "factor": "2.000"},
    ]
    by_profile, one = comparison_rows(model.comparison)
    assert (by_profile["amount"], one["amount"]) == ("by the profile", "one for all")
    assert by_profile["later wins"] == "100 from 2026-01-05"
    assert amount_text(MODEL, "EUR") == "400.00 to 5,000.00 EUR by the profile, mean 1,200.00: as learnt"


def test_one_amount_is_the_mean():
    told = one_amount(pd.DataFrame({"revenue": [100.0, 300.0]}), "because")
    assert (told.mean, told.base, told.lowest, told.highest) == (200.0, 200.0, 200.0, 200.0)
    assert not told.follows_profile
