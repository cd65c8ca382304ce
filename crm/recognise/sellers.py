"""Which table of an export holds the sellers: their teams and time zones, never who they are."""

from dataclasses import dataclass
from zoneinfo import available_timezones

from crm.recognise import names
from crm.recognise.leads import LeadTable
from crm.recognise.looked_at import Column, Export, Table, literal
from crm.recognise.names import find, may_be, plain
from crm.recognise.nouns import Guess, Part, Select

_LEAST_OVERLAP = 0.3
"""Of the leads with an owner, the share whose owner must be in the table."""

_UNIQUE_SHARE = 0.98
_ZONE_SHARE = 0.95
"""From this share of rows on the rest are bad cells, for the check; below it the column says zones in another way."""

_LISTED = '[{"name": "VARCHAR", "primary": "BOOLEAN"}]'
_LIST = "[{"
"""How a list of teams begins that HubSpot's interface gives for each owner."""


@dataclass(frozen=True)
class Sellers:
    """The table of the sellers and its SELECT; None where there is none, or where it says nothing that is used."""

    table: Table | None = None
    select: Select | None = None
    guesses: tuple[Guess, ...] = ()


def sellers_of(export: Export, lead: LeadTable, owner: Column | None) -> Sellers:
    """The sellers whose ids the column `owner` of the leads holds."""
    found = None if owner is None else _table_of(export, lead, owner)
    if found is None or owner is None:
        return Sellers()
    table, key, share = found
    told = f"{owner.name} of {lead.table.name} holds ids of {table.name} in {share:.0%} of its rows"
    team, team_told = _team(table)
    zone, zone_told = _zone(table)
    if team == zone == "NULL":
        nothing = Guess("sellers", "none", f"{told}, but it says neither teams nor time zones")
        return Sellers(table, None, (nothing, *zone_told))
    columns = {"owner_id": f"r.{key.sql}", "team": team, "time_zone": zone}
    select = Select(
        "One row a seller. Who it is stays out: names and addresses are not needed.",
        (Part(columns, f"{table.reader} AS r"),),
    )
    return Sellers(
        table, select, (Guess("sellers", f"{table.file}, known by {key.name}", told), *team_told, *zone_told)
    )


def _table_of(export: Export, lead: LeadTable, owner: Column) -> tuple[Table, Column, float] | None:
    """The table called as sellers are, the key that most leads name, and how many do."""
    best: tuple[Table, Column, float] | None = None
    for table in export.tables:
        if table is lead.table or not may_be(table, "sellers"):
            continue
        for key in table.columns:
            is_key = key.n_filled and key.times is None and key.n_distinct >= _UNIQUE_SHARE * table.n_rows
            if not is_key or key.is_personal:
                continue
            share = export.overlap(lead.table, owner, table, key)
            if share >= _LEAST_OVERLAP and (best is None or share > best[2]):
                best = table, key, share
    return best


def _team(table: Table) -> tuple[str, tuple[Guess, ...]]:
    """The SQL of a seller's team, and its guess."""
    column = find(table, names.TEAM, lambda column: column.has_words and not column.is_personal)
    if column is None:
        return "NULL", ()
    if not all(word.startswith(_LIST) or word == "[]" for word, _ in column.words):
        return f"r.{column.sql}", (Guess("sellers.team", column.name, "its name"),)
    main = f"list_filter(from_json(r.{column.sql}, {literal(_LISTED)}), lambda team: team.primary)[1].name"
    return main, (Guess("sellers.team", column.name, "its name; of several teams the primary one"),)


def _zone(table: Table) -> tuple[str, tuple[Guess, ...]]:
    """The SQL of a seller's time zone, and its guess."""
    column = find(table, names.TIME_ZONE, lambda column: column.has_words)
    if column is None:
        return "NULL", ()
    zones = available_timezones()
    unknown = [word for word, _ in column.words if word not in zones]
    n_known = sum(n for word, n in column.words if word in zones)
    if n_known < _ZONE_SHARE * column.n_filled:
        told = f"{unknown[0]!r} is no time zone of the IANA database"
        todo = f"say in sellers.sql which zones of the IANA database the words of {plain(column.name)} are"
        return "NULL", (Guess("sellers.time_zone", "left out", told, todo),)
    told = f"its name; {len(column.words) - len(unknown)} time zones of the IANA database"
    return f"r.{column.sql}", (Guess("sellers.time_zone", column.name, told),)
