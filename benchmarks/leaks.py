"""What the leak report finds, and whom it accuses wrongly.

python -m benchmarks.leaks --seeds 20 --leads 20000    planted leaks and honest look-alikes in the simulated CRM
python -m benchmarks.leaks --data ../shared/data       bank_marketing and olist, all declared as known at creation
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_contracts.leaks import LeakFinding, LeakReport
from data_contracts.settings import Settings, load_settings
from data_contracts.vocabulary import Transition
from models.leak_rules import clopper_pearson
from pipelines.ingest import ingest_history
from pipelines.leaks import report_leaks
from simulation import simulate
from simulation.leaks import PLANTED_FILE, SURVEY, Planted, plant

ROOT = Path(__file__).parents[1]
SURVEY_KIND = "assessment"
SURVEY_KINDS: dict[str, dict[str, Any]] = {
    SURVEY_KIND: {
        "words": [SURVEY],
        "family": "assessment",
        "direction": "outbound",
        "phrase": {"did": "assessed by us", "auxiliary": "was"},
    }
}
SIMULATED = ROOT / "config" / "sources" / "simulated"
CSV = "all_varchar = true, header = true"

BANK_NUMBERS = ("age", "duration", "n_calls", "pdays", "previous", "emp_var_rate", "cons_price_idx", "cons_conf_idx",
                "euribor3m", "nr_employed")  # fmt: skip
BANK_WORDS = ("job", "marital", "education", "in_default", "housing", "loan", "contact", "month", "day_of_week",
              "poutcome")  # fmt: skip
BANK_CALLS = f"""
SELECT *, "default" AS in_default, campaign AS n_calls, "emp.var.rate" AS emp_var_rate,
    "cons.price.idx" AS cons_price_idx, "cons.conf.idx" AS cons_conf_idx,
    "nr.employed" AS nr_employed, row_number() OVER () AS place,
    TIMESTAMP '2008-05-01' + to_minutes(33 * row_number() OVER ()) AS called_at
FROM read_csv('{{data_folder}}/bank-additional-full.csv.gz', {CSV}, delim = ';', quote = '"')
"""
"""The calls have no dates: they are given some, in the order of the rows, evenly over the 31 months."""

OLIST_WORDS = ("seller_id", "sdr_id", "sr_id", "business_segment", "lead_type", "lead_behaviour_profile",
               "has_company", "has_gtin", "average_stock", "business_type")  # fmt: skip
OLIST_NUMBERS = ("declared_product_catalog_size", "declared_monthly_revenue")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=0, help="simulated CRMs with planted leaks")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--leads", type=int, default=20_000, help="leads of each")
    parser.add_argument("--data", type=Path, help="folder with bank_marketing/ and olist/")
    asked = parser.parse_args()
    if asked.seeds:
        _print_planted(range(asked.first_seed, asked.first_seed + asked.seeds), n_leads=asked.leads)
    if asked.data:
        for name, settings_of in (("bank_marketing", bank_settings), ("olist", olist_settings)):
            with tempfile.TemporaryDirectory() as folder:
                settings = settings_of(Path(folder), asked.data.absolute() / name)
                ingest_history(settings)
                for report in report_leaks(settings).values():
                    print(f"\n{name}\n{report}")


# ---------------------------------------------------------------------------------------------------------------------
# Planted leaks
# ---------------------------------------------------------------------------------------------------------------------
def planted_verdicts(folder: Path, *, seed: int, n_leads: int) -> Iterator[tuple[Planted, str]]:
    """Everything that was planted, and what is honest in the simulation, each with its gravest verdict."""
    simulate(folder / "data", n_leads=n_leads, seed=seed)
    planted = plant(folder / "data", seed=seed)
    settings = planted_settings(folder, planted)
    ingest_history(settings)
    findings = _gravest(report_leaks(settings))
    names = {one.name if one.subject == "attribute" else {SURVEY: SURVEY_KIND}.get(one.name, "twins"): one
             for one in planted}  # fmt: skip
    for name, finding in findings.items():
        if finding.subject == "model":
            continue
        subject = "attribute" if finding.subject == "attribute" else "activity_kind"
        honest = Planted(name, f"{finding.subject.replace('_', ' ')} of the simulation", subject, 0.0)
        yield names.get(name, honest), finding.verdict


def _gravest(reports: Mapping[Transition, LeakReport]) -> dict[str, LeakFinding]:
    found: dict[str, LeakFinding] = {}
    order = ("leak", "suspect", "clear")
    for report in reports.values():
        for finding in report.findings:
            known = found.get(finding.name)
            if known is None or order.index(finding.verdict) < order.index(known.verdict):
                found[finding.name] = finding
    return found


def _print_planted(seeds: Sequence[int], *, n_leads: int) -> None:
    counts: dict[tuple[bool, str, str], Counter[str]] = {}
    strengths: dict[str, list[tuple[float, str]]] = {}
    for seed in seeds:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            for one, verdict in planted_verdicts(Path(folder), seed=seed, n_leads=n_leads):
                name = one.name if one.is_leak or "of the simulation" not in one.kind else ""
                counts.setdefault((one.is_leak, one.kind, name), Counter())[verdict] += 1
                if one.is_leak:
                    strengths.setdefault(one.kind, []).append((round(one.strength, 2), verdict))
                elif verdict != "clear":
                    print(f"  seed {seed}: {one.name} is honest and called {verdict}", flush=True)
        print(f"  seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    for is_leak, title in ((True, "planted leaks"), (False, "honest attributes and kinds")):
        chosen = {(kind, name): found for (leak, kind, name), found in counts.items() if leak == is_leak}
        print(f"\n{title}, {n_leads:,} leads, seeds {seeds[0]} to {seeds[-1]}")
        total: Counter[str] = Counter()
        for (kind, name), found in sorted(chosen.items()):
            total += found
            print(f"  {kind:<42}{name:<18}{_told(found)}")
        print(f"  {'all':<60}{_told(total)}")
    print("\nstrengths of the leaks that were called clear")
    for kind, found in strengths.items():
        if missed := sorted(strength for strength, verdict in found if verdict == "clear"):
            print(f"  {kind:<42}{missed}")


def _told(found: Counter[str]) -> str:
    n = found.total()
    parts = []
    for verdict in ("leak", "suspect"):
        low, high = clopper_pearson(found[verdict], n)
        parts.append(f"{verdict} {found[verdict]:>4} of {n} [{low:.3f}, {high:.3f}]")
    return "   ".join(parts)


def planted_settings(folder: Path, planted: Sequence[Planted]) -> Settings:
    """The shipped settings of the simulated CRM over `folder / "data"`, with the planted attributes declared."""
    selects = {path.name: path.read_text(encoding="utf-8") for path in SIMULATED.glob("*.sql")}
    selects["leads.sql"] = (
        f"SELECT own.*, planted.* EXCLUDE (Id) FROM ({selects['leads.sql']}) AS own "
        f"LEFT JOIN read_csv('{{data_folder}}/{PLANTED_FILE}', {CSV}) AS planted "
        "ON planted.Id = own.lead_id.replace('-K', '')"
    )
    attributes = {
        one.name: _declared("number" if one.is_number else "category", historised=one.is_historised)
        for one in planted
        if one.subject == "attribute"
    }
    return _settings(folder, "scoring.toml", selects, data=folder / "data", attributes=attributes, kinds=SURVEY_KINDS)


# ---------------------------------------------------------------------------------------------------------------------
# Public data
# ---------------------------------------------------------------------------------------------------------------------
def bank_settings(folder: Path, data: Path) -> Settings:
    """Bank Marketing: each call is a lead, decided an hour later; every column is declared as known at creation."""
    names = (*BANK_NUMBERS, *BANK_WORDS)
    selects = {
        "leads.sql": f"SELECT place AS lead_id, called_at AS created_at, {', '.join(names)} FROM ({BANK_CALLS})",
        "stage_changes.sql": f"SELECT place AS lead_id, 'first contact' AS stage, called_at AS entered_at "
        f"FROM ({BANK_CALLS}) UNION ALL SELECT place, if(y = 'yes', 'won', 'lost'), called_at + INTERVAL 1 HOUR "
        f"FROM ({BANK_CALLS})",
        "extracted_at.sql": f"SELECT max(called_at) + INTERVAL 31 DAY FROM ({BANK_CALLS})",
    }
    attributes = {name: _declared("number" if name in BANK_NUMBERS else "category") for name in names}
    return _settings(folder, "olist.toml", selects, data=data, attributes=attributes, stages={"lost": "lost"})


def olist_settings(folder: Path, data: Path) -> Settings:
    """Olist, with the columns of its closed deals declared as known at creation."""
    selects = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "config/sources/olist").glob("*.sql")}
    names = (*OLIST_WORDS, *OLIST_NUMBERS)
    deals = f"read_csv('{{data_folder}}/olist_closed_deals_dataset.csv', {CSV}, delim = ',', quote = '\"')"
    selects["leads.sql"] = (
        f"SELECT own.*, {', '.join(f'deals.{name}' for name in names)} FROM ({selects['leads.sql']}) AS own "
        f"LEFT JOIN {deals} AS deals ON deals.mql_id = own.lead_id"
    )
    attributes = {name: _declared("category") for name in OLIST_WORDS}
    attributes |= {name: _declared("number") for name in OLIST_NUMBERS}
    return _settings(folder, "olist.toml", selects, data=data, attributes=attributes)


def _declared(kind: str, *, historised: bool = False) -> dict[str, str]:
    availability = "historised" if historised else "at_creation"
    return {"table": "leads", "type": kind, "availability": availability, "meaning": "a column under test"}


def _settings(
    folder: Path,
    base: str,
    selects: Mapping[str, str],
    *,
    data: Path,
    attributes: Mapping[str, dict[str, str]],
    kinds: Mapping[str, dict[str, Any]] | None = None,
    stages: Mapping[str, str] | None = None,
) -> Settings:
    """The shipped settings `base` with these SELECTs, data and declarations; `folder` holds all that is kept."""
    sources = folder / "sources" / "tested"
    sources.mkdir(parents=True, exist_ok=True)
    for name, text in selects.items():
        (sources / name).write_text(text, encoding="utf-8")
    content: dict[str, Any] = load_settings(ROOT / "config" / base).model_dump(mode="json")
    crm = content["crm"]
    crm |= {"source": "tested", "sources_folder": str(folder / "sources"), "data_folder": str(data)}
    crm["attributes"] |= attributes
    crm["kinds"] |= kinds or {}
    crm["stages"] |= stages or {}
    if base == "olist.toml" and stages:
        crm["attributes"].pop("landing_page")
        content["definitions"]["learn_since"] = None
    content["store"]["folder"] = str(folder / "store")
    return Settings.model_validate_json(json.dumps(content))


if __name__ == "__main__":
    main()
