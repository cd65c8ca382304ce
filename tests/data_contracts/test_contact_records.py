import datetime as dt

from data_contracts.contact import (
    ContactReport,
    MonthOfContact,
    RateBounds,
    WeightingEffect,
    contact_rows,
    contact_summary,
)
from data_contracts.estimates import Estimate
from data_contracts.vocabulary import Transition


def about(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.01, high=value + 0.01)


def report(**changes) -> ContactReport:
    content = {
        "transition": Transition.MQL_TO_SQL,
        "test_from": dt.datetime(2026, 1, 11),
        "test_until": dt.datetime(2026, 5, 31),
        "n_leads": 1_000,
        "n_contacted": 300,
        "auc": about(0.62),
        "n_unlike": 70,
        "unlike_up_to": 0.08,
        "thin_below": 0.14,
        "n_thin": 120,
        "n_effective": 240.4,
        "months": (MonthOfContact(month="2026-01", n_leads=1_000, n_contacted=300, n_unlike=70),),
        "rate": RateBounds(
            n_leads=250,
            n_contacted=80,
            contacted=about(0.3),
            lowest=about(0.1),
            highest=about(0.78),
            if_alike=about(0.27),
        ),
        "weighting": WeightingEffect(
            plain=about(0.28),
            weighted=about(0.275),
            change=about(-0.005),
            gain_among_contacted=about(-0.002),
            gain_among_all=about(0.0),
        ),
    }
    return ContactReport.model_validate(content | changes)


def test_a_summary_says_who_is_unlike_where_the_rate_lies_and_what_is_assumed():
    assert contact_summary(report()) == [
        "mql_to_sql: sales contacted 30 % of 1,000 leads; for 7 % of all leads no labelled lead is like them",
        "mql_to_sql: the rate of all leads from 2026-01-11 on lies between 0.100 [0.090, 0.110] and "
        "0.780 [0.770, 0.790], whatever the others would do; it is 0.270 [0.260, 0.280] if never-contacted leads "
        "convert as contacted leads with the same features",
        "mql_to_sql: weights for the chance of contact would change the mean probability of all leads by "
        "-0.005 [-0.015, 0.005]; they are off",
    ]


def test_it_prints_as_a_table_with_its_title():
    title, head, *rows = str(report()).splitlines()
    assert title == ("mql_to_sql: contact among 1,000 leads; test from 2026-01-11 to 2026-05-31; 95 % intervals")
    assert head.split() == ["what", "figure", "says"]
    assert len(rows) == len(contact_rows(report()))
    assert any("all 170 never contacted fail" in row for row in rows)
    assert "chance of contact below 0.140" in str(report())
    assert report()._repr_html_().count("<tr>") == 1 + len(rows)


def test_where_no_lead_is_thin_it_says_so():
    assert "labelled leads like them are many enough everywhere" in str(report(n_thin=0, thin_below=0.0))


def test_it_is_kept_as_json():
    assert ContactReport.model_validate_json(report().model_dump_json()) == report()
