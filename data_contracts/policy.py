"""The policy: what is done with scores. Revenue operations changes it, and no model has to be trained for that."""

import hashlib
import json
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from data_contracts.calendar import WorkingCalendar
from data_contracts.conditions import Condition
from data_contracts.section import Section

Positive = Annotated[float, Field(gt=0)]


class Team(Section):
    """A team of sales, how many new leads it can work in a week, and which leads are its own (all, unless said)."""

    name: str
    leads_per_week: Positive
    where: Condition | None = None


class Suppression(Section):
    """Leads that are never handed off, whatever their score, and why: customers, partners, own staff, opted out.

    Exactly one of the two is given: a condition, or that somebody of the lead's account became a customer.
    """

    name: str
    where: Condition | None = None
    account_has_won: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.where is not None) == self.account_has_won:
            raise ValueError(f"suppression {self.name!r} needs either `where` or `account_has_won = true`")
        return self


class Policy(Section):
    """How scores become hand-offs. It has a version of its own, and every threshold carries it.

    Attributes
    ----------
    teams
        In order: a lead belongs to the first whose condition it meets. A lead of none is never handed off.
    respond_within_working_hours
        From the hand-off to the first sales touch, in the working time of `calendar`.
    cost_of_working_a_lead
        In the currency of the settings.
    least_precision
        The share of the handed-off leads that is to take the first transition, in [0, 1): boundaries are not lower.
    exploration_share
        The share of the capacity, in [0, 1), that goes to leads drawn by lot among those below the boundary. What
        becomes of them is the only evidence of leads that no score would send to sales.
    wait_at_most_days
        A lead that was eligible for so many days and found no room goes to nurture.
    recheck_after_days
        After so many days marketing looks again at a nurtured lead.
    keep_within_share
        A waiting lead keeps its place until its value is this share of the boundary below it, in [0, 1). It does not
        come and go with small moves of its score.
    ranked_by
        What leads are ranked by, and boundaries are drawn on: the probability of the first transition, or the expected
        value (probability of a win times its amount, less the cost of working the lead).
    suppressed
        In order: a lead is suppressed by the first that it meets.
    """

    version: str
    teams: tuple[Team, ...]
    respond_within_working_hours: Positive = 8.0
    calendar: WorkingCalendar = WorkingCalendar()
    cost_of_working_a_lead: Annotated[float, Field(ge=0)] = 0.0
    least_precision: Annotated[float, Field(ge=0, lt=1)] = 0.0
    exploration_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    wait_at_most_days: Annotated[int, Field(ge=1)] = 14
    recheck_after_days: Annotated[int, Field(ge=1)] = 30
    keep_within_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    ranked_by: Literal["probability", "expected_value"] = "probability"
    suppressed: tuple[Suppression, ...] = ()

    @field_validator("teams", "suppressed")
    @classmethod
    def _named_once(cls, named: tuple[Team | Suppression, ...]) -> tuple[Team | Suppression, ...]:
        twice = sorted(name for name, count in Counter(one.name for one in named).items() if count > 1)
        if twice:
            raise ValueError(f"more than one is called {', '.join(map(repr, twice))}; give each its own name")
        return named

    @model_validator(mode="after")
    def _every_team_gets_leads(self) -> Self:
        if not self.teams:
            raise ValueError("the policy has no team; give at least one with a name and leads_per_week")
        whole = [place for place, team in enumerate(self.teams) if team.where is None]
        if whole and whole[0] != len(self.teams) - 1:
            raise ValueError(
                f"team {self.teams[whole[0]].name!r} takes every lead, so that no later team gets one; put it last"
            )
        return self

    @property
    def leads_per_week(self) -> float:
        """How many new leads all teams can work in a week."""
        return sum(team.leads_per_week for team in self.teams)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Every condition on an attribute, by what asks for it."""
        asked = {f"policy team {team.name!r}": team.where for team in self.teams}
        asked |= {f"suppression {one.name!r}": one.where for one in self.suppressed}
        return {by: condition for by, condition in asked.items() if condition is not None}

    @property
    def digest(self) -> str:
        """Digest of the content (16 hexadecimal digits)."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:16]
