"""Whether the history tells when sales first touched a lead."""

from alignment.milestones import Milestones, reached_at, shown_at
from data_contracts.metrics.funnel import Milestone

BEYOND = (Milestone.SQL, Milestone.OPPORTUNITY, Milestone.CUSTOMER)


def touches_are_recorded(milestones: Milestones) -> bool:
    """Whether any lead is seen to be accepted or touched before it got beyond.

    Without that, only those that got further would count as touched, and every rate of touched leads would be 1. Where
    the definitions assume contact, touches are not recorded.
    """
    if milestones.settings.definitions.contact.assume_contacted_because:
        return False
    frame = milestones.frame
    touched = frame[reached_at(Milestone.SAL)]
    beyond = frame[[reached_at(one) for one in BEYOND]].min(axis=1)
    is_earlier = touched.notna() & ~(touched >= beyond)
    return bool(frame[shown_at(Milestone.SAL)].notna().any() or is_earlier.any())
