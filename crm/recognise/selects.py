"""The SELECTs of leads, accounts, changes of attributes, spend, and of the time of the extract."""

from collections.abc import Mapping, Sequence

from crm.recognise import names
from crm.recognise.activities import Activities
from crm.recognise.leads import LeadTable, account_by_domain
from crm.recognise.looked_at import Column, Export, Table, literal
from crm.recognise.names import find, may_be, plain
from crm.recognise.nouns import Attribute, Guess, Part, Select
from crm.recognise.stages import History, time_sql


def lead_columns(lead: LeadTable) -> dict[str, Column | None]:
    """The column of the leads for each canonical one that is told by its name alone; None where there is none."""
    table = lead.table
    return {
        "source": find(table, names.SOURCE, lambda column: column.has_words),
        "campaign": find(table, names.CAMPAIGN, lambda column: column.n_filled > 0 and not column.is_personal),
        "owner_id": find(table, names.OWNER),
        "merged_into": find(table, names.MERGED_INTO),
        "merged_at": find(table, names.MERGED_AT, lambda column: column.times is not None),
    }


def lead_select(
    lead: LeadTable, account: Column | None, now: Column | None, attributes: Sequence[Attribute]
) -> tuple[Select, tuple[Guess, ...]]:
    """The SELECT of the leads, and its guesses."""
    found = lead_columns(lead)
    emails = find(lead.table, names.EMAIL, lambda column: column.is_personal) if account is None else None
    columns = {"lead_id": f"r.{lead.key.sql}"}
    guesses = [Guess(f"leads.{name}", column.name, "its name") for name, column in found.items() if column]
    if account is not None:
        columns["account_id"] = f"r.{account.sql}"
    elif emails is not None:
        columns["account_id"] = account_by_domain(lead, emails)
        guesses.append(Guess("leads.account_id", f"the domain of {emails.name}, as a digest", "there is no account"))
    columns["created_at"] = time_sql(lead.created)
    for name, column in found.items():
        if column is not None:
            columns[name] = time_sql(column) if name == "merged_at" else f"r.{column.sql}"
    if now is not None:
        columns["current_stage"] = f"r.{now.sql}"
    columns |= {one.name: one.column for one in attributes if one.table == "leads"}
    part = Part(columns, f"{lead.table.reader} AS r")
    return Select("One row a lead. What says who a person is stays out: scoring needs no name.", (part,)), tuple(
        guesses
    )


def account_select(
    lead: LeadTable, accounts: tuple[Table, Column] | None, account: Column | None, attributes: Sequence[Attribute]
) -> Select | None:
    """The SELECT of the accounts: their own table, or those that leads name; None where there are none."""
    if accounts is not None:
        table, key = accounts
        created = find(table, names.CREATED, lambda column: column.times is not None)
        columns = {"account_id": f"r.{key.sql}"} | ({"created_at": time_sql(created)} if created else {})
        columns |= {one.name: one.column for one in attributes if one.table == "accounts"}
        return Select("One row an account.", (Part(columns, f"{table.reader} AS r"),))
    emails = find(lead.table, names.EMAIL, lambda column: column.is_personal) if account is None else None
    value = f"r.{account.sql}" if account else account_by_domain(lead, emails) if emails else ""
    if not value:
        return None
    part = Part(
        {"account_id": value}, f"{lead.table.reader} AS r", (f"{value} IS NOT NULL\nGROUP BY ALL\nORDER BY ALL",)
    )
    return Select("One row an account that leads name.", (part,))


def changes(history: History | None, attributes: Sequence[Attribute], historised: Mapping[str, str]) -> Select | None:
    """The changes of the attributes that have a history."""
    if history is None:
        return None
    table, field = history.link.table, history.field
    names_of = {
        word: one.name
        for one in attributes
        for form, word in historised.items()
        if plain(one.column.removeprefix("r.")) == form
    }
    if field is None or not names_of:
        return None
    entity = find(table, names.OBJECT, lambda column: column.has_words)
    object_id = find(table, names.OBJECT_ID) if entity else None
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(name)}" for word, name in names_of.items())
    old = find(table, names.OLD_VALUE)
    is_own = entity is not None and object_id is not None
    form = f"lower(trim(r.{entity.sql}))" if entity else ""
    columns = {
        "object": f"CASE WHEN {form} IN ('contact', 'person', 'deal') THEN 'lead' ELSE {form} END"
        if is_own
        else "'lead'",
        "object_id": f"r.{object_id.sql}" if is_own and object_id else history.link.lead_id,
        "attribute": f"CASE r.{field.sql} {cases} END",
        "old_value": f"r.{old.sql}" if old else "NULL",
        "new_value": f"r.{history.stage.sql}",
        "changed_at": time_sql(history.entered),
    }
    where = () if is_own else history.link.where
    listed = ", ".join(map(literal, names_of))
    source = f"{table.reader} AS r" if is_own else history.link.source
    return Select(
        "One row a change of an attribute with a history.",
        (Part(columns, source, (*where, f"r.{field.sql} IN ({listed})")),),
    )


def spend(export: Export) -> tuple[Select | None, tuple[Guess, ...]]:
    """The SELECT of what marketing spent, and its guess; None where no table says it."""
    for table in export.tables:
        month = find(table, names.MONTH, lambda column: column.times is not None)
        amount = find(table, names.SPENT, lambda column: column.is_number)
        source = find(table, names.SOURCE)
        if not may_be(table, "spend") or month is None or amount is None or source is None:
            continue
        campaign = find(table, names.CAMPAIGN)
        columns = {"period_start_at": time_sql(month), "source": f"r.{source.sql}", "amount": f"r.{amount.sql}"}
        columns |= {"campaign": f"r.{campaign.sql}"} if campaign else {}
        select = Select("One row a period, source and campaign.", (Part(columns, f"{table.reader} AS r"),))
        return select, (Guess("spend", table.file, f"its name; {month.name}, {source.name}, {amount.name}"),)
    return None, ()


def exported(table: Table) -> Column | None:
    """The column with the time of the extract: the one row of a table that is about the export."""
    return find(table, names.EXPORTED, lambda column: column.times is not None) if table.n_rows == 1 else None


def extracted_at(export: Export, lead: LeadTable, stages: Select, activities: Activities) -> str:
    """The SELECT of the time of the extract."""
    for table in export.tables:
        if (column := exported(table)) is not None:
            return f"SELECT try_cast({time_sql(column)} AS TIMESTAMPTZ) FROM {table.reader} AS r\n"
    parts = [(Part({}, f"{lead.table.reader} AS r"), time_sql(lead.created))]
    parts += [(part, part.columns["entered_at"]) for part in stages.parts]
    parts += [(part, part.columns["occurred_at"]) for part in (activities.select.parts if activities.select else ())]
    moments = dict.fromkeys(
        Part({"moment": f"try_cast({time} AS TIMESTAMPTZ)"}, part.source, part.where).text for part, time in parts
    )
    note = "-- The data end with the last thing that happened. A time that lies ahead is a bad cell or a plan.\n"
    union = "\nUNION ALL\n".join(moments)
    return f"{note}SELECT max(moment) FROM (\n{union}\n)\nWHERE moment <= now() + INTERVAL 1 DAY\n"
