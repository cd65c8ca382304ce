"""What lists say of leads: alike on each engine."""

import pyarrow as pa
import pytest

from features.listed import said_of_leads
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")

PERSONAS = [
    {"name": "boss", "attribute": "seniority", "one_of": ["head"]},
    {"name": "coder", "attribute": "industry", "one_of": ["software"]},
]
ROWS = {
    "accounts": [{"account_id": "A", "industry": "software", "employees": 70}],
    "leads": [
        {"lead_id": "1", "account_id": "A", "source": "Event", "owner_id": "U-1", "seniority": "head"},
        {"lead_id": "2", "account_id": "A", "source": "Event", "seniority": "junior"},
        {"lead_id": "3", "source": "Organic", "campaign": "brand", "seniority": "junior"},
        {"lead_id": "4", "account_id": "A"},
    ],
}


def said(engine, make_history, settings, *lead_ids: str):
    ids = engine.keep_for_now("asked", pa.table({"lead_id": pa.array(lead_ids, pa.string())}))
    told = said_of_leads(make_history(ROWS), ids, settings=settings)
    engine.forget(ids)
    return told


def test_each_asked_lead_has_its_source_owner_and_the_first_persona_that_it_belongs_to(
    engine, make_history, settings_with
):
    told = said(engine, make_history, settings_with(definitions={"personas": PERSONAS}), "3", "1", "2").to_pydict()
    assert told == {
        "lead_id": ["1", "2", "3"],
        "source": ["Event", "Event", "Organic"],
        "campaign": [None, None, "brand"],
        "owner_id": ["U-1", None, None],
        "persona": ["boss", "coder", None],
    }


def test_segments_are_those_of_the_settings_whichever_table_they_are_of(engine, make_history, settings):
    shown = settings.model_copy(
        update={"pages": settings.pages.model_copy(update={"segments": ("employees", "seniority")})}
    )
    told = said(engine, make_history, shown, "1", "3")
    assert told["seniority"].to_pylist() == ["head", "junior"]
    assert [None if one is None else float(one) for one in told["employees"].to_pylist()] == [70.0, None]


def test_nobody_is_asked_for(engine, make_history, settings):
    assert said(engine, make_history, settings).num_rows == 0
