"""What lists say of leads beside their scores: where they came from, whose they are, what kind they are."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from data_contracts.definitions import Persona
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.today import CAMPAIGN, OWNER, PERSONA, SOURCE


def said_of_leads(history: CrmHistory, lead_ids: ir.Table, *, settings: Settings) -> pa.Table:
    """`lead_id`, source, campaign, owner, persona and the segments of the settings, as they stand in the extract.

    Parameters
    ----------
    lead_ids
        `lead_id`, each once, in the engine of `history`.
    settings
        Their definitions say what a persona is, their pages which attributes are segments.
    """
    said = told_of_leads(history, settings=settings)
    found: pa.Table = said.join(lead_ids, "lead_id").order_by("lead_id").to_pyarrow()
    return found


def told_of_leads(history: CrmHistory, *, settings: Settings) -> ir.Table:
    """The same of every lead, lazily."""
    told = [SOURCE, CAMPAIGN, OWNER]
    shown = settings.pages.segments
    asked = dict.fromkeys([*(one.attribute for one in settings.definitions.personas), *shown])
    declared = settings.crm.attributes
    leads = history.leads
    of_leads = [name for name in asked if declared[name].table == "leads"]
    of_accounts = [name for name in asked if declared[name].table == "accounts"]
    rows = leads.select("lead_id", "account_id", *told, **{_kept(name): leads[name] for name in of_leads})
    if of_accounts:
        accounts = history.accounts
        of_account = accounts.select("account_id", **{_kept(name): accounts[name] for name in of_accounts})
        rows = rows.left_join(of_account, "account_id")
    persona = _persona(rows, settings.definitions.personas)
    segments = {name: rows[_kept(name)].cast("string") for name in shown}
    return rows.select("lead_id", *told, **{PERSONA: persona}, **segments)


def _persona(rows: ir.Table, personas: tuple[Persona, ...]) -> ir.Value:
    """The name of the first persona that each row belongs to."""
    named = ibis.null("string")
    for one in reversed(personas):
        belongs = rows[_kept(one.attribute)].isin(one.one_of).fill_null(False)
        named = belongs.ifelse(one.name, named)
    return named


def _kept(attribute: str) -> str:
    """The column of an attribute, which may bear the name of a column of ours."""
    return f"attribute__{attribute}"
