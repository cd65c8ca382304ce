"""Amounts of deals in several currencies: the check converts them by the rates of the settings, or refuses the row."""

import pytest
from pydantic import ValidationError

from data_contracts.check.run import check_history
from data_contracts.errors import ContractError
from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import check, deal, engine_of, many, raw, rows_of, settings

EUROS = {"currency": "EUR", "rates": {"USD": 0.5, "GBP": 1.25}}

pytestmark = pytest.mark.whole


def deals(*amounts: tuple[str, str | None]) -> dict[str, list[dict[str, str | None]]]:
    """A deal of l0 for each amount and its currency."""
    told = [deal(f"o{nth}", "l0", amount=amount, currency=currency) for nth, (amount, currency) in enumerate(amounts)]
    return many(2) | {"opportunities": told}


def amounts(checked) -> dict[str, float]:
    return {row["opportunity_id"]: row["amount"] for row in rows_of(checked.history.opportunities)}


def test_an_amount_is_kept_in_the_currency_of_the_settings_and_the_rates_are_in_the_fingerprint():
    rows = deals(("100", "EUR"), ("100", "USD"), ("100", "gbp"), ("100", None))
    checked = check(raw(rows), settings(**EUROS))
    assert amounts(checked) == {"o0": 100.0, "o1": 50.0, "o2": 125.0, "o3": 100.0}
    later = check(raw(rows), settings(currency="EUR", rates={"USD": 0.5, "GBP": 1.5}))
    assert amounts(later)["o2"] == 150.0
    assert later.report.fingerprint != checked.report.fingerprint


def test_a_margin_is_kept_in_the_currency_of_the_settings_as_its_amount_is():
    rows = many(2) | {"opportunities": [deal("o0", "l0", amount="100", margin="-8", currency="USD")]}
    (row,) = rows_of(check(raw(rows), settings(**EUROS)).history.opportunities)
    assert (row["amount"], row["margin"]) == (50.0, -4.0)


def test_without_the_column_amounts_are_in_the_currency_of_the_settings_and_nothing_is_missed():
    rows = many(2) | {"opportunities": [deal("o0", "l0", amount="100")]}
    checked = check(raw(rows), settings(**EUROS))
    assert amounts(checked) == {"o0": 100.0}
    assert not any("currency" in warning for warning in checked.report.warnings)


def test_a_currency_without_a_rate_stops_the_check_which_names_it_its_rows_and_what_to_do():
    history = raw(deals(("100", "CHF"), ("100", "CHF"), ("100", "USD")))
    with pytest.raises(ContractError, match=r"'CHF' \(2 rows\) is not mapped; add it to \[crm.rates\]"):
        check_history(history, settings(max_refused_share=1.0, **EUROS), engine=engine_of(history))


def test_a_deal_in_a_currency_without_a_rate_is_never_counted_one_to_one():
    judged = judge_rows(raw(deals(("100", "CHF"), ("100", "USD"))), settings(**EUROS))
    assert judged.refused("opportunities") == [(1, "currency.in_vocabulary")]
    assert judged.reason("opportunities.currency.in_vocabulary") == (
        "currency 'CHF' is none of EUR, USD, GBP; say in [crm.rates] what one unit of it is worth"
    )


def test_where_the_settings_have_no_currency_a_deal_with_one_is_refused_and_one_without_is_not():
    judged = judge_rows(raw(deals(("100", "EUR"), ("100", None))), settings())
    assert judged.refused("opportunities") == [(1, "currency.in_vocabulary")]


@pytest.mark.parametrize(
    ("crm", "complaint"),
    [
        ({"rates": {"USD": 0.9}}, "rates say what other currencies are worth in `currency`; give it"),
        ({"currency": "EUR", "rates": {"EUR": 1.0}}, "rates name EUR, the currency of the settings itself"),
        ({"currency": "EUR", "rates": {"USD": 0.0}}, "greater than 0"),
        ({"currency": "EUR", "rates": {"dollar": 0.9}}, "should match pattern"),
    ],
)
def test_rates_that_cannot_be_meant_are_refused(crm, complaint):
    with pytest.raises(ValidationError, match=complaint):
        settings(**crm)
