import pytest

from data_contracts.errors import Breach, ContractError, LeadScoreError, TooFewOutcomesError

KINDS = [LeadScoreError, *LeadScoreError.__subclasses__()]


def test_every_kind_of_error_has_an_exit_code_of_its_own():
    codes = [kind.exit_code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes, "success"
    assert 2 not in codes, "the command line's own, for a wrong option"


def test_a_contract_error_lists_every_breach_and_keeps_them_as_facts():
    first = Breach("leads", "leads.not_empty", "the table has no rows", "export it again")
    second = Breach("spend", "spend.volume", "1 row", "look again")
    with pytest.raises(ContractError, match=r"in 2 place\(s\)") as error:
        raise ContractError([first, second])
    assert error.value.breaches == (first, second)
    assert str(error.value).splitlines()[1:] == [
        "  - leads: the table has no rows; export it again",
        "  - spend: 1 row; look again",
    ]


def test_too_few_outcomes_says_how_many_there_are_and_how_many_are_needed():
    error = TooFewOutcomesError("mql_to_sql", what="leads that converted", found=3, needed=50, hint="wait")
    assert str(error) == "mql_to_sql: 3 leads that converted are known and 50 are needed; wait"
    assert (error.found, error.needed) == (3, 50)
