"""The laws of the simulated CRM: its words, its old point rule, and what really makes a lead buy.

Effects are in log-odds. Nothing here is fitted; the figures are chosen so that rates, shares and the strength of the
signal are those of ordinary business-to-business funnels.
"""

from dataclasses import dataclass

import numpy as np

from simulation.clock import moment

STAGES = (
    "New Lead",
    "Marketing Qualified",
    "Sales Accepted",
    "Sales Qualified",
    "Opportunity",
    "Closed Won",
    "Closed Lost",
    "Disqualified",
    "Nurture",
)
NEW, MQL, SAL, SQL, OPPORTUNITY, WON, LOST, DISQUALIFIED, NURTURE = range(len(STAGES))

KINDS = (
    "Visited Page",
    "Visited Pricing Page",
    "Opened Email",
    "Clicked Email",
    "Replied To Email",
    "Filled Out Form",
    "Downloaded Asset",
    "Attended Webinar",
    "Requested Demo",
    "Chat Conversation",
    "Sent Email",
    "Call",
    "Meeting",
)
PAGE, PRICING, OPEN, CLICK, REPLY, FORM, DOWNLOAD, WEBINAR, DEMO, CHAT, SENT, CALL, MEETING = range(len(KINDS))
DIRECTIONS = ("Incoming", "Outgoing")
INCOMING, OUTGOING = range(len(DIRECTIONS))
OUTCOMES = ("Open", "Won", "Lost")
CALL_OUTCOMES = ("Connected", "No answer")
CONNECTED, NO_ANSWER = range(len(CALL_OUTCOMES))
NO_ANSWER_SHARE = 0.3
"""Of the calls. Who answers is drawn by itself: it tells nothing of what becomes of the lead."""

DISQUALIFIED_REASONS = ("No budget", "No authority", "No need", "Bad timing", "Wrong company size", "Unreachable")
DISQUALIFIED_SHARE = np.array([0.2, 0.17, 0.28, 0.2, 0.02, 0.13])
LOSS_REASONS = ("Price", "Chose competitor", "No decision", "Missing function")
LOSS_SHARE = np.array([0.3, 0.25, 0.3, 0.15])

INDUSTRIES = (
    "Software",
    "Manufacturing",
    "Financial Services",
    "Healthcare",
    "Retail",
    "Logistics",
    "Public Sector",
    "Education",
)
INDUSTRY_SHARE = np.array([0.2, 0.18, 0.13, 0.12, 0.12, 0.1, 0.08, 0.07])
INDUSTRY_EFFECT = np.array([0.45, 0.4, 0.25, -0.05, -0.3, 0.1, -0.45, -0.7])

REGIONS = ("DACH", "Nordics", "UK & Ireland", "North America", "Rest of World")
REGION_SHARE = np.array([0.34, 0.12, 0.16, 0.22, 0.16])
REGION_EFFECT = np.array([0.25, 0.15, 0.1, 0.0, -0.55])

ROLES = ("IT", "Operations", "Finance", "Marketing", "HR")
ROLE_SHARE = np.array([0.3, 0.25, 0.15, 0.2, 0.1])
PROBLEMS = ("Compliance", "Cost", "Growth", "Integration")
PROBLEM_SHARE = np.array([0.22, 0.3, 0.26, 0.22])
PERSONA_EFFECT = np.array(
    [
        [0.5, 0.0, -0.3, 0.45],
        [0.1, 0.45, 0.0, 0.2],
        [0.35, 0.3, -0.1, -0.2],
        [-0.4, -0.2, 0.1, -0.3],
        [-0.1, -0.3, -0.5, -0.4],
    ]
)
"""Log-odds by role (row) and problem (column): a persona is both, and neither alone says much."""

SENIORITIES = ("Student", "Staff", "Manager", "Director", "C-Level")
SENIORITY_SHARE = np.array([0.07, 0.36, 0.3, 0.17, 0.1])
SENIORITY_EFFECT = np.array([-1.4, -0.35, 0.15, 0.5, 0.05])

TIMELINES = ("This quarter", "This year", "No plan")
TIMELINE_EFFECT = np.array([0.75, 0.05, -0.55])

SIZE_BANDS = ("1-49", "50-249", "250-999", "1000+")
SIZE_EDGES = np.array([50, 250, 1000])


@dataclass(frozen=True, slots=True)
class Campaign:
    """Where leads come from: share of all leads, effect on becoming an SQL, and cost a lead."""

    source: str
    name: str
    share: float
    effect: float
    cost_per_lead: float


CAMPAIGNS = (
    Campaign("Paid Search", "brand-search", 0.10, 0.30, 95.0),
    Campaign("Paid Search", "generic-search", 0.14, 0.0, 120.0),
    Campaign("Paid Social", "retargeting", 0.11, 0.05, 70.0),
    Campaign("Paid Social", "ebook-feed", 0.12, -0.6, 45.0),
    Campaign("Content Syndication", "partner-list", 0.10, -0.8, 35.0),
    Campaign("Webinar", "compliance-webinar", 0.08, 0.15, 80.0),
    Campaign("Webinar", "growth-webinar", 0.06, -0.1, 75.0),
    Campaign("Event", "trade-fair", 0.05, 0.2, 150.0),
    Campaign("Organic", "", 0.16, 0.15, 0.0),
    Campaign("Referral", "customer-referral", 0.05, 0.75, 20.0),
    Campaign("Partner", "", 0.03, 0.5, 0.0),
)
DRIFTING_CAMPAIGN = 2
DRIFT_FROM = moment("2026-01-01")
DRIFT_EFFECT, DRIFT_VOLUME = -0.9, 1.6
"""From `DRIFT_FROM` the drifting campaign brings more leads, and worse ones."""

POINTS = {PAGE: (1.0, 8.0), PRICING: (4.0, 12.0), OPEN: (2.0, 14.0), CLICK: (3.0, 12.0), FORM: (8.0, 16.0),
          DOWNLOAD: (7.0, 21.0), WEBINAR: (14.0, 28.0), CHAT: (5.0, 10.0), DEMO: (25.0, 25.0)}  # fmt: skip
"""The old rule: points for each activity of a kind, and the most that a kind can give."""
SENIORITY_POINTS = np.array([0.0, 0.0, 6.0, 10.0, 16.0])
INDUSTRY_POINTS = np.array([6.0, 0.0, 6.0, 0.0, 6.0, 0.0, 0.0, 0.0])
MQL_POINTS = 30.0

SQL_BASE, WIN_BASE = -2.0, -2.85
SQL_BY_SIZE = np.array([-0.7, 0.35, 0.55, 0.0])
WIN_BY_SIZE = np.array([-0.6, 0.15, 0.5, 0.25])
"""Log-odds by size band: small companies rarely buy, middle ones do, large ones take their time."""
NO_ACCOUNT_EFFECT = -0.2

HORIZON_SQL_DAYS, HORIZON_WIN_DAYS = 30.0, 120.0
