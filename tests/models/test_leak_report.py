"""The leak report of a table whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.crm_mapping import AttributeDeclaration, CrmMapping
from data_contracts.deeds import Deed
from data_contracts.errors import TooFewOutcomesError
from data_contracts.kinds import KindDeclaration
from data_contracts.sayings import Attribute, Count
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import Availability
from models.leaks import LeakEvidence, leak_report
from tests.example_kinds import KINDS

DAY = pd.Timedelta(days=1)
ATTRIBUTES = ("source", "contract", "stack")
CRM = CrmMapping(
    source="test",
    data_folder="data",
    attributes={
        name: AttributeDeclaration(
            table="leads", type="category", availability=Availability.AT_CREATION, meaning=name,
            allowed_because="a rule" if name == "stack" else "",
        )
        for name in ATTRIBUTES
    },
    kinds={"email_reply": KindDeclaration.model_validate(KINDS["email_reply"])},
    allowed_kinds={"email_reply": "replies are imported with their own time"},
)  # fmt: skip
KIND = FeatureColumn(
    "n_email_reply_90d", "number", "behaviour", Count(Deed("replied to an email"), 90), "", family="email_reply"
)


@pytest.fixture(scope="module")
def looked_through(table: LabelledTable):
    """`contract` and `stack` are filled, and replies dated back, when a lead converts; `source` is honest."""
    random = np.random.default_rng(0)
    frame = table.frame.copy()
    first = frame.drop_duplicates("lead_id").set_index("lead_id")
    converts = frame[frame["converted"]].groupby("lead_id")["as_of"].max().reindex(first.index) + 10 * DAY
    closed = first["as_of"] + random.uniform(5, 70, len(first)) * DAY
    decided = converts.where(converts.notna(), closed).where(lambda at: at < table.extracted_at)
    has_converted = converts.notna() & decided.notna()
    fates = pd.DataFrame(
        {
            "lead_id": first.index,
            "entered_at": first["as_of"].to_numpy(),
            "decided_at": decided.to_numpy(),
            "has_converted": has_converted.to_numpy(),
            "n_before": 3,
            "n_after": 4,
        }
    )
    written = frame["lead_id"].map(has_converted)
    frame["attribute_source"] = frame["source"]
    frame["attribute_contract"] = pd.Series(np.where(written, "C-1", None), dtype="str")
    frame["attribute_stack"] = pd.Series(np.where(written, "cloud", None), dtype="str")
    frame[KIND.name] = written.astype(float)
    columns = [FeatureColumn(f"attribute_{name}", "category", "attributes", Attribute(name), "") for name in ATTRIBUTES]
    changed = replace(table, frame=frame, columns=(*table.columns, *columns, KIND))
    return leak_report(changed, LeakEvidence(fates, {}, {}, {}), crm=CRM)


@pytest.mark.parametrize("kind", ["text", "category"])
def test_a_reason_names_no_text_that_few_leads_have(table: LabelledTable, kind: str):
    """The fifteen newest leads share a note, and each other lead has its own; a category's would be named."""
    first = table.frame.drop_duplicates("lead_id").set_index("lead_id")["as_of"]
    fates = pd.DataFrame({"lead_id": first.index, "entered_at": first.to_numpy(), "n_before": 0, "n_after": 0})
    decided = first + 40 * DAY
    fates["decided_at"] = decided.where(decided < table.extracted_at).to_numpy()
    fates["has_converted"] = fates["decided_at"].notna() & (np.arange(len(fates)) % 2 == 0)
    is_new = table.frame["lead_id"].isin(first.nlargest(15).index)
    note = pd.Series(np.where(is_new, "met Jane Smith", table.frame["lead_id"]), index=table.frame.index, dtype="str")
    column = FeatureColumn("attribute_note", kind, "attributes", Attribute("note"), "")
    changed = replace(table, frame=table.frame.assign(attribute_note=note), columns=(*table.columns, column))
    declared = AttributeDeclaration(table="leads", type=kind, availability=Availability.AT_CREATION, meaning="note")
    crm = CrmMapping(source="test", data_folder="data", attributes={"note": declared})
    report = leak_report(changed, LeakEvidence(fates, {}, {}, {}), crm=crm)
    (found,) = [finding for finding in report.findings if finding.name == "note"]
    assert ("Jane Smith" in found.reason) == (kind == "category")


def test_what_is_written_at_the_conversion_is_a_leak_and_what_was_there_is_clear(looked_through):
    found = {finding.name: finding.verdict for finding in looked_through.findings}
    assert found["contract"] == found["stack"] == found["email_reply"] == "leak"
    assert found["source"] == found["twins"] == "clear"


def test_leaks_come_first_and_what_is_allowed_holds_nothing_back(looked_through):
    assert [finding.verdict for finding in looked_through.findings][:3] == ["leak"] * 3
    held = {finding.name for finding in looked_through.holding_back}
    assert "contract" in held
    assert not held & {"stack", "email_reply"}


def test_shares_are_by_fate(looked_through):
    (contract,) = [finding for finding in looked_through.findings if finding.name == "contract"]
    assert (contract.at_entry.converted.share, contract.at_entry.closed.share) == (1.0, 0.0)
    assert contract.at_entry.still_open.n == looked_through.n_open
    assert contract.auc_alone.low > 0.9


def test_a_table_too_small_to_judge_on_says_nothing_about_association(make_table):
    few = make_table(n_leads=60)
    entries = few.frame.drop_duplicates("lead_id")
    fates = pd.DataFrame(
        {
            "lead_id": entries["lead_id"],
            "entered_at": entries["as_of"],
            "decided_at": pd.Series(pd.NaT, index=entries.index, dtype="datetime64[us]"),
            "has_converted": False,
            "n_before": 0,
            "n_after": 0,
        }
    )
    crm = CrmMapping(source="test", data_folder="data")
    report = leak_report(few, LeakEvidence(fates, {}, {}, {}), crm=crm)
    assert [finding.subject for finding in report.findings] == ["rows"]


def test_without_any_outcome_there_is_no_report(table: LabelledTable):
    frame = table.frame.assign(outcome_status="censored", weight=0.0)
    fates = pd.DataFrame({"lead_id": pd.Series(dtype="str")})
    with pytest.raises(TooFewOutcomesError, match="leads with a known outcome"):
        leak_report(replace(table, frame=frame), LeakEvidence(fates, {}, {}, {}), crm=CRM)
