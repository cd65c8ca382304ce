"""A small shadow report, for tests of what it is handed to."""

import datetime as dt

from data_contracts.estimates import Estimate
from data_contracts.shadow import (
    TERMS,
    OldRule,
    ShadowComparison,
    ShadowFigure,
    ShadowReport,
    ShadowWeek,
    SideFigures,
)
from data_contracts.vocabulary import Transition


def shadow_report() -> ShadowReport:
    """Two weeks of which one is old enough; the model brings 2 SQLs a week more, if unknown leads are alike."""
    begins = dt.datetime(2026, 5, 1)
    around = Estimate(value=2.0, low=1.0, high=3.0)
    figure = ShadowFigure(
        measured="SQLs",
        n_weeks=1,
        n_immature_weeks=1,
        rule=SideFigures(known=3.0, unknown=6.0, if_alike=Estimate(value=5.0, low=3.0, high=7.0)),
        model=SideFigures(known=4.0, unknown=7.0, if_alike=Estimate(value=7.0, low=5.0, high=9.0)),
        known=Estimate(value=1.0, low=-1.0, high=3.0),
        if_alike=around,
        worst=Estimate(value=-5.0, low=-8.0, high=-2.0),
        best=Estimate(value=8.0, low=5.0, high=11.0),
    )
    comparisons = tuple(
        ShadowComparison(
            terms=terms, rule_leads=10.0, model_leads=10.0, n_both=12, n_only_rule=8, n_only_model=8,
            rule_called=0.4, model_called=0.3, only_model_called=0.05, figures=(figure,),
        )
        for terms in TERMS
    )  # fmt: skip
    week = ShadowWeek(
        terms="equal_volume", begins=begins, is_mature=True, is_mature_for_wins=False, n_rule=10, n_model=10, n_both=6,
        n_rule_known=4, n_model_known=3, n_rule_converted=3, n_model_converted=4, n_rule_won=0, n_model_won=0,
        rule_revenue=0.0, model_revenue=0.0,
    )  # fmt: skip
    return ShadowReport(
        rule=OldRule(kind="crm", said="the rule that moved leads to MQL in the CRM"),
        transition=Transition.MQL_TO_SQL,
        begins=begins,
        ends=begins + dt.timedelta(weeks=2),
        n_weeks=2,
        extracted_at=dt.datetime(2026, 6, 10),
        trained_at=(begins,),
        recipe="logistic_regression (C=0.03)",
        sampled_share=1.0,
        currency="EUR",
        definitions_version="2026.1",
        policy_version="2026.1",
        data_fingerprint="f1" * 8,
        comparisons=comparisons,
        weeks=(week,),
        standing="model_if_alike",
        verdict="The model *probably* does better.",
    )
