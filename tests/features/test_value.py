"""What a win is worth."""

from features.outcomes import value_of_a_win


def deal(nth, outcome, amount):
    return {
        "opportunity_id": str(nth),
        "lead_id": "A",
        "created_at": "2026-03-01",
        "outcome": outcome,
        "amount": amount,
    }


def test_a_win_is_worth_the_mean_amount_of_the_deals_that_were_won(make_history):
    deals = [deal(1, "won", 100.0), deal(2, "won", 300.0), deal(3, "lost", 9_000.0), deal(4, "won", None)]
    assert value_of_a_win(make_history({"leads": [{"lead_id": "A"}], "opportunities": deals})) == (100 + 300) / 2


def test_without_amounts_a_win_counts_as_one(make_history):
    assert value_of_a_win(make_history({"opportunities": [deal(1, "open", 100.0), deal(2, "won", None)]})) == 1.0
