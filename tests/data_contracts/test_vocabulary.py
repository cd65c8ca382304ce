import pytest

from data_contracts.vocabulary import CLOSED_STAGES, Stage, Transition


@pytest.mark.parametrize(
    ("transition", "from_stage", "to_stage"),
    [
        (Transition.MQL_TO_SQL, Stage.MQL, Stage.SQL),
        (Transition.SQL_TO_WIN, Stage.SQL, Stage.WON),
        (Transition.MQL_TO_WIN, Stage.MQL, Stage.WON),
    ],
)
def test_a_transition_leads_from_one_stage_to_another(transition, from_stage, to_stage):
    assert (transition.from_stage, transition.to_stage) == (from_stage, to_stage)


def test_no_transition_starts_in_a_closed_stage():
    assert not {transition.from_stage for transition in Transition} & set(CLOSED_STAGES)
