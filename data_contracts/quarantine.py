"""Refused rows: each breach of each row with its rule, value and reason, and nothing lost."""

from ibis.backends.duckdb import Backend

from data_contracts.columns import RowRule, Rule
from data_contracts.delivery import Delivered
from data_contracts.history import TableCheck
from data_contracts.merges import follow_mergers
from data_contracts.privacy import masked_sql
from data_contracts.rules import Judge, key_text, reason_text, value_text
from data_contracts.workbench import BREACHES, REFUSED, count, delivered, identifier, literal, typed


def refuse_rows(engine: Backend, table: Delivered, *, judge: Judge) -> None:
    """Note every breach of every row of the typed table, and put the refused rows into the quarantine.

    Takes two passes over the rows, whatever the number of rules: one for what a row (and its lead) shows, one for
    repeated keys. The leads' mergers are followed in between, so that rows of refused leads are refused in turn.
    """
    _note_breaches_in_rows(engine, judge)
    _note_repeated_rows(engine, judge)
    if table.name == "leads":
        follow_mergers(engine, extracted_at=judge.extracted_at)
        for rule in judge.among_leads():
            _note(engine, rule, rows=judge.breaching_rows(rule, source=typed(table.name)))
    _fill_quarantine(engine, table, judge=judge)


def _note(engine: Backend, rule: RowRule, *, rows: str) -> None:
    engine.con.execute(
        f"INSERT INTO {BREACHES} SELECT {literal(rule.table)}, source_row, {literal(rule.id)} FROM ({rows})"
    )


def _note_breaches_in_rows(engine: Backend, judge: Judge) -> None:
    rules = judge.in_row()
    breaches = {rule.id: judge.breach(rule) for rule in rules}
    found = ", ".join(f"CASE WHEN {breach} THEN {literal(name)} END" for name, breach in breaches.items())
    engine.con.execute(
        f"""
        INSERT INTO {BREACHES}
        SELECT {literal(judge.contract.name)}, source_row, unnest(list_filter([{found}], lambda rule: rule IS NOT NULL))
        FROM {typed(judge.contract.name)} {judge.lead_join()}
        WHERE {" OR ".join(breaches.values())}
        """
    )


def _note_repeated_rows(engine: Backend, judge: Judge) -> None:
    for rule in judge.rules:
        if rule.rule is Rule.UNIQUE:
            _note(engine, rule, rows=judge.repeated_rows(breached=refused_rows(judge.contract.name)))


def _fill_quarantine(engine: Backend, table: Delivered, *, judge: Judge) -> None:
    """One pass over the typed and one over the delivered rows, whatever the number of breaches."""
    values, reasons, columns = [], [], []
    for rule in judge.rules:
        when = f"WHEN {literal(rule.id)} THEN"
        values.append(f"{when} {masked_sql(value_text(rule, table.contract))}")
        reasons.append(f"{when} {reason_text(rule, table.contract, extracted_at=judge.extracted_at)}")
        columns.append(f"{when} {literal(rule.column)}")
    fields = ", ".join(f"{identifier(name)} := raw.{identifier(name)}" for name in table.known)
    engine.con.execute(
        f"""
        INSERT INTO {REFUSED}
        SELECT {literal(table.name)}, source_row, {key_text(table.contract)}, breach.rule,
               CASE breach.rule {" ".join(columns)} END,
               CASE breach.rule {" ".join(values)} END,
               CASE breach.rule {" ".join(reasons)} END,
               CAST(to_json(given) AS VARCHAR)
        FROM (SELECT source_row, rule FROM {BREACHES} WHERE table_name = {literal(table.name)}) AS breach
        JOIN {typed(table.name)} USING (source_row)
        JOIN (SELECT source_row, struct_pack({fields}) AS given FROM {delivered(table.name)} AS raw) USING (source_row)
        {judge.lead_join()}
        """
    )


def refused_rows(table: str) -> str:
    """SELECT of the `source_row` of each refused row of `table`."""
    return f"SELECT DISTINCT source_row FROM {BREACHES} WHERE table_name = {literal(table)}"


def counts(engine: Backend, table: Delivered, *, select_digest: str = "") -> TableCheck:
    """How many rows of the typed table were accepted and refused, and how often each rule was breached."""
    mine = f"FROM {BREACHES} WHERE table_name = {literal(table.name)}"
    breaches = engine.con.execute(f"SELECT rule, count(*) {mine} GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
    rows = count(engine, f"SELECT count(*) FROM {typed(table.name)}")
    refused = count(engine, f"SELECT count(*) FROM ({refused_rows(table.name)})")
    return TableCheck(
        table=table.name,
        select_digest=select_digest,
        delivered=count(engine, f"SELECT count(*) FROM {delivered(table.name)}"),
        rows=rows,
        accepted=rows - refused,
        refused=refused,
        breaches=dict(breaches),
    )
