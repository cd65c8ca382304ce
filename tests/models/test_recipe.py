from dataclasses import replace

from data_contracts.releases import Candidate
from models.recipe import Recipe
from tests.models.conftest import LOGISTIC, TREES


def test_a_recipe_tells_its_parameters_by_name():
    told = {"C": 0.03, "recent_days": "all", "half_life_days": "never", "young": "left out"}
    assert Recipe((LOGISTIC,)).parameters == told
    assert Recipe((LOGISTIC,)).estimator == "logistic_regression"


def test_the_parameters_of_a_blend_begin_with_the_name_of_their_part():
    blend = Recipe((LOGISTIC, TREES), recent_days=180.0, young=True)
    assert blend.estimator == "blend"
    assert blend.parameters["logistic_regression.C"] == 0.03
    assert blend.parameters["lightgbm.num_leaves"] == 4
    assert (blend.parameters["recent_days"], blend.parameters["young"]) == (180.0, "weighted")


def test_a_recipe_is_told_in_a_few_words():
    assert Recipe((LOGISTIC,)).described() == "logistic_regression (C=0.03)"
    told = replace(Recipe((LOGISTIC,)), recent_days=180.0, young=True).described()
    assert told == "logistic_regression (C=0.03), the latest 180 days, young leads too"
    fading = replace(Recipe((LOGISTIC,)), half_life_days=90.0).described()
    assert fading == "logistic_regression (C=0.03), weight halved every 90 days"


def test_a_recipe_is_read_back_from_what_a_release_says_of_it():
    blend = Recipe((LOGISTIC, TREES), recent_days=180.0, young=True)
    for recipe in (Recipe((LOGISTIC,)), Recipe((TREES,), half_life_days=90.0, calibrator="beta"), blend):
        told = Candidate(
            estimator=recipe.estimator,
            parameters=recipe.parameters,
            calibrator=recipe.calibrator,
            validation_log_loss=0.5,
            is_chosen=True,
        )
        assert Recipe.of(Candidate.model_validate_json(told.model_dump_json())) == recipe
