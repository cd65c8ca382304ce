"""Small exports, written out as their files."""

from collections.abc import Mapping
from pathlib import Path

from crm.recognise import Recognised, look_at, recognise
from crm.sql_source import SqlSource
from data_contracts.history import RawHistory
from engines.duckdb import DuckDbEngine
from tests.crm.asking import asked


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """`folder` with `files` in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def leads_and_deals(n: int = 60, *, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A lead a day; every third one has a deal, every sixth is won 10 days after it came. Days come first."""
    leads, deals = ["lead_id,created_at,source,rating"], ["deal_id,lead_id,created_at,status,closed_date,amount"]
    for i in range(n):
        day = f"{i % 28 + 1:02d}/{i // 28 + 1:02d}/2024"
        later = f"{(i + 10) % 28 + 1:02d}/{(i + 10) // 28 + 1:02d}/2024"
        leads.append(f"L{i},{day},{'web' if i % 2 else 'fair'},{'hot' if i % 6 == 0 else 'cold'}")
        if i % 3 == 0:
            deals.append(f"D{i},L{i},{day},{'won' if i % 6 == 0 else 'lost'},{later},{i}")
    return {"leads.csv": "\n".join(leads) + "\n", "deals.csv": "\n".join(deals) + "\n"} | dict(extra or {})


def recognised(folder: Path, **answers: str) -> Recognised:
    """What the export in `folder` is recognised as."""
    return recognise(look_at(folder), answers)


def guess(found: Recognised, what: str) -> tuple[str, str]:
    """The value and the evidence of the guess about `what`."""
    return next((one.value, one.evidence) for one in found.guesses if one.what == what)


def read(found: Recognised, *, data: Path, work: Path) -> RawHistory:
    """What the written SELECTs read."""
    folder = written(work, {f"{name}.sql": text for name, text in found.selects.items()})
    return SqlSource("ours", folder=folder, data_folder=data).read(DuckDbEngine.opened())


def rows(found: Recognised, query: str, *, data: Path, work: Path) -> list[tuple]:
    """The rows of `query` about what the written SELECTs read."""
    return asked(read(found, data=data, work=work), query)
