"""How far probabilities meant what they said, as kept and as shown."""

from data_contracts.calibration import Calibration, calibration_rows, calibration_title
from tests.example_release import calibration


def test_only_a_group_whose_interval_leaves_out_0_is_off():
    assert [group.value for group in calibration().off] == ["referral"]


def test_what_is_farther_off_comes_first_whichever_way():
    whole = calibration()
    (referral,) = whole.off
    far = referral.model_copy(
        update={
            "value": "event",
            "excess": referral.excess.model_copy(update={"value": -0.3, "low": -0.4, "high": -0.2}),
        }
    )
    assert [group.value for group in Calibration(curve=whole.curve, groups=(referral, far)).off] == [
        "event",
        "referral",
    ]


def test_the_title_says_how_many_are_off_and_how_many_chance_shows():
    assert calibration_title(calibration().groups) == (
        "1 of 2 groups of test leads were given probabilities that are off; chance alone shows about 0; 95 % intervals"
    )


def test_a_row_says_what_leads_were_given_and_what_came():
    assert calibration_rows(calibration().off) == [
        {
            "leads by": "source",
            "with": "referral",
            "leads": "90",
            "were given": "0.350",
            "converted": "0.250",
            "too high by": "0.100 [0.040, 0.160]",
        }
    ]
