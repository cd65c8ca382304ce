"""The rates of a period: what is watched in it, and what it recovers."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from alignment.funnel import followed
from alignment.incidence import incidence
from alignment.period_rates import figures, period_incidence
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from tests.alignment.example_milestones import START, days_after, funnel_frame, milestones

AS_OF = dt.datetime(2026, 12, 31)
Q2 = Span.named("2026-Q2", time_zone="UTC")


def drawn(made, span=Q2, step=Step.MQL_TO_SQL, rows=None):
    everyone = np.ones(len(made.frame), dtype=bool)
    return period_incidence(made, step, span, rows=everyone if rows is None else rows)


def test_a_period_in_which_all_began_and_ended_gives_the_cohorts_incidence(settings):
    made = milestones(funnel_frame(400, seed=0, n_days=300), settings=settings, as_of=AS_OF)
    whole = Span(Period.YEAR, dt.date(2025, 1, 1), dt.date(2027, 1, 1), START, dt.datetime(2027, 1, 1))
    for step in (Step.MQL_TO_SQL, Step.SQL_TO_CUSTOMER):
        told, _ = followed(made, step)
        assert drawn(made, whole, step).curve[:90] == pytest.approx(incidence(told).curve[:90])


def test_the_rate_of_a_period_is_the_one_that_holds_in_it(settings):
    frames = [funnel_frame(4000, seed=1, p_sql=0.2), funnel_frame(4000, seed=2, p_sql=0.6)]
    before = frames[0][frames[0]["mql_at"] < Q2.start_at]
    since = frames[1][frames[1]["mql_at"] >= Q2.start_at]
    made = milestones(pd.concat([before, since]), settings=settings, as_of=AS_OF)
    told = figures(drawn(made, Span.named("2026-Q3", time_zone="UTC")), days=30)
    assert told[0] == pytest.approx(0.6, abs=0.05)
    assert figures(drawn(made, Span.named("2026-Q1", time_zone="UTC")), days=30)[0] == pytest.approx(0.2, abs=0.05)


def test_a_constant_hazard_is_recovered_from_a_short_period(settings):
    random = np.random.default_rng(5)
    n, a_day = 20_000, 0.02
    mql_at = days_after(pd.Timestamp(START), random.uniform(0, 500, n))
    sql_at = days_after(mql_at, random.exponential(1 / a_day, n))
    made = milestones(pd.DataFrame({"mql_at": mql_at, "sql_at": sql_at}), settings=settings, as_of=AS_OF)
    week = Span.of(Period.WEEK, dt.date(2026, 3, 4), time_zone="UTC")
    assert figures(drawn(made, week), days=60)[0] == pytest.approx(1 - np.exp(-a_day * 60), abs=0.06)


def test_what_happened_after_the_period_is_not_in_it(settings):
    frame = funnel_frame(500, seed=3)
    later = frame[["sql_at", "customer_at", "stands_since"]].gt(Q2.end_at).any(axis=1)
    known_then = frame.assign(
        sql_at=frame["sql_at"].mask(frame["sql_at"] >= Q2.end_at),
        stands=frame["stands"].mask(later & (frame["stands"] != "won"), "sql"),
    )
    both = [milestones(one, settings=settings, as_of=AS_OF) for one in (frame, known_then)]
    assert drawn(both[0]).curve == pytest.approx(drawn(both[1]).curve)


def test_leads_that_were_closed_before_the_period_are_not_watched_in_it(settings):
    frame = funnel_frame(500, seed=3)
    gone = frame.head(200).assign(sql_at=pd.NaT, customer_at=pd.NaT, stands="disqualified", mql_at=START)
    gone = gone.assign(stands_since=pd.Timestamp(START) + pd.Timedelta(days=3))
    made, fewer = (milestones(one, settings=settings, as_of=AS_OF) for one in (pd.concat([frame, gone]), frame))
    assert drawn(made).curve[:90] == pytest.approx(drawn(fewer).curve[:90])


def test_unsettled_leads_count_in_no_rate(settings):
    frame = funnel_frame(500, seed=3)
    some = np.arange(500) % 5 == 0
    made = milestones(frame.assign(is_unsettled=some), settings=settings, as_of=AS_OF)
    others = milestones(frame, settings=settings, as_of=AS_OF)
    assert drawn(made).curve == pytest.approx(drawn(others, rows=~some).curve)


def test_there_is_a_replicate_of_each_group_that_has_leads_anywhere(settings):
    made = milestones(funnel_frame(500, seed=3), settings=settings, as_of=AS_OF)
    few = drawn(made, rows=np.arange(500) < 20)
    assert len(few.replicates) == len(np.unique(made.groups))
    assert len(figures(few, days=None)) == 1 + len(few.replicates)


def test_a_rate_is_unknown_beyond_the_ages_that_leads_had_in_the_period(settings):
    recent = funnel_frame(500, seed=3)
    recent = recent[recent["mql_at"] >= Q2.start_at]
    told = drawn(milestones(recent, settings=settings, as_of=AS_OF))
    assert 70 <= told.last_day <= 90
    assert np.isnan(figures(told, days=92)).all()
    assert np.isnan(figures(drawn(milestones(recent.head(0), settings=settings, as_of=AS_OF)), days=None)).all()
