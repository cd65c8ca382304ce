"""The fixed words of the funnel. A customer maps their own words onto these in the settings."""

from enum import StrEnum


class Stage(StrEnum):
    """Where a lead stands. `lost` and `disqualified` carry a reason; `nurture` may recycle into `mql`."""

    LEAD = "lead"
    MQL = "mql"
    SAL = "sal"
    SQL = "sql"
    OPPORTUNITY = "opportunity"
    WON = "won"
    LOST = "lost"
    DISQUALIFIED = "disqualified"
    NURTURE = "nurture"


CLOSED_STAGES = (Stage.WON, Stage.LOST, Stage.DISQUALIFIED, Stage.NURTURE)
"""Stages in which sales no longer works the lead. A nurtured lead opens again when it recycles into `mql`."""


class KindFamily(StrEnum):
    """How an activity of a declared kind is looked at. `features.behaviour` says which features each family gives."""

    BROWSING = "browsing"
    RESPONSE = "response"
    EVALUATION = "evaluation"
    ATTENTION = "attention"
    DIALOGUE = "dialogue"
    COMMITMENT = "commitment"
    REQUEST = "request"
    ATTEMPT = "attempt"
    ASSESSMENT = "assessment"
    MAILING = "mailing"

    @property
    def meaning(self) -> str:
        """Which activities are of this family, as the settings' writer reads it."""
        return {
            KindFamily.BROWSING: "it looks around, often: a page viewed",
            KindFamily.RESPONSE: "it follows up what we sent, often: a link clicked",
            KindFamily.EVALUATION: "it weighs a purchase, often: pricing opened",
            KindFamily.ATTENTION: "it takes in what we offer, now and then: a webinar, a download",
            KindFamily.DIALOGUE: "it and we talk: a call, a chat",
            KindFamily.COMMITMENT: "it puts words or time into it: a form, a reply, a meeting",
            KindFamily.REQUEST: "it asks for a step towards a purchase: a demo",
            KindFamily.ATTEMPT: "we tried to reach it and did not: a dial without an answer",
            KindFamily.ASSESSMENT: "we judged it",
            KindFamily.MAILING: "we sent it what many got: a newsletter; counted among our approaches only",
        }[self]


class Direction(StrEnum):
    """Who started an activity: the lead (`inbound`) or we (`outbound`)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class DealOutcome(StrEnum):
    """How an opportunity stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Availability(StrEnum):
    """When a value could have been known. Judged by time, never by usefulness."""

    IMMUTABLE = "immutable"
    HISTORISED = "historised"
    AT_CREATION = "at_creation"
    OVERWRITTEN = "overwritten"
    NOW = "now"
    """Its present value alone is asked for, by the policy: it is never a feature."""

    @property
    def meaning(self) -> str:
        """What is known of a value's past, as both teams read it."""
        return {
            Availability.IMMUTABLE: "never changes",
            Availability.HISTORISED: "changes, and every change is kept: the value of the day is rebuilt",
            Availability.AT_CREATION: "as it was when the record was created",
            Availability.OVERWRITTEN: "changes, and what it was before is lost",
            Availability.NOW: "its present value alone, for the policy: no model reads it",
        }[self]


class FieldContent(StrEnum):
    """What a field of the CRM that we write holds."""

    GRADE = "grade"
    P_SQL = "p_sql"
    P_WIN = "p_win"
    INTERVAL = "interval"
    EXPECTED_VALUE = "expected_value"
    ACTION = "action"
    RESPOND_BY = "respond_by"
    EXPECTED_HAND_OFF = "expected_hand_off"
    RECHECK = "recheck"
    REASONS = "reasons"
    EXTRAPOLATED = "extrapolated"
    RELEASE = "release"


class Transition(StrEnum):
    """A stage change we predict. `mql_to_win` serves CRMs that record no SQL."""

    MQL_TO_SQL = "mql_to_sql"
    SQL_TO_WIN = "sql_to_win"
    MQL_TO_WIN = "mql_to_win"

    @property
    def from_stage(self) -> Stage:
        """The stage in which the prediction is made."""
        return Stage.SQL if self is Transition.SQL_TO_WIN else Stage.MQL

    @property
    def to_stage(self) -> Stage:
        """The stage that counts as conversion."""
        return Stage.SQL if self is Transition.MQL_TO_SQL else Stage.WON


ENTRY = 0
"""The day of the snapshot plan on which a lead has just entered the stage."""


HALF_WEIGHT_DAYS = 7.0
"""A snapshot of day d weighs 1/(1 + d/7): after a week half as much as at entry. Leads that stay open for long then
count for little more than others, and it does not matter on how many days they are looked at in between."""


class OutcomeStatus(StrEnum):
    """What is known about a snapshot's outcome. Only the first two are labels."""

    CONVERTED = "converted"
    NOT_CONVERTED = "not_converted"
    CENSORED = "censored"
    NEVER_CONTACTED = "never_contacted"
    UNSETTLED = "unsettled"


class Unsettled(StrEnum):
    """Why nobody can say when a lead got where it is: the stage is known, its date is not, or it is contradicted."""

    STAGE_REFUSED = "stage_refused"
    DEAL_UNDATED = "deal_undated"
    DEAL_CLOSED = "deal_closed"
    CURRENT_STAGE = "current_stage"

    @property
    def meaning(self) -> str:
        """What is the matter with such leads, as the end of a sentence about them."""
        return {
            Unsettled.STAGE_REFUSED: "whose stage change is in quarantine",
            Unsettled.DEAL_UNDATED: "whose deal is closed without a date",
            Unsettled.DEAL_CLOSED: "whose deal is closed while their stages stand open",
            Unsettled.CURRENT_STAGE: "whose current_stage is one that their stage changes do not show",
        }[self]
