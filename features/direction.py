"""Who started an activity, where the CRM does not say."""

import ibis.expr.types as ir

from data_contracts.vocabulary import ActivityKind, Direction

STARTED_BY_US = (ActivityKind.EMAIL_SENT, ActivityKind.CALL, ActivityKind.MEETING, ActivityKind.ASSESSMENT)
"""Kinds that a CRM usually logs because a seller or marketer of ours did them."""


def direction(activities: ir.Table) -> ir.StringValue:
    """The direction of each activity; where it is missing, the one that its kind usually has.

    Sent emails, calls, meetings and assessments count as outbound, everything else as inbound. Without this a CRM that
    records no direction would have no behaviour, and nobody in it would ever have been contacted.
    """
    usual = activities.kind.isin(STARTED_BY_US).ifelse(Direction.OUTBOUND.value, Direction.INBOUND.value)
    return activities.direction.fill_null(usual)
