"""`leadscore`: every step of lead scoring as a command."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.clock import in_utc, now
from pipelines.commands import COMMANDS
from pipelines.edited_files import EditedFile, schema_of
from pipelines.friendly import FriendlyGroup
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, Data, Release, settings_of
from pipelines.page_commands import open_pages

FIRST_RUN = """\
Calibrated lead scoring: CRM history in, probabilities, thresholds and reasons out.

First run, on a simulated CRM:
  leadscore demo

Or step by step:
  leadscore simulate            write a CRM export with known truth to data/simulated
  leadscore check               read it, check it against its contracts
  leadscore train               train both transitions, register a release in MLflow
  leadscore shadow              the old rule against the model on the same past, before you switch
  leadscore leaks               which attributes and activity kinds may have known the outcome
  leadscore recalibrate         later, between two trainings: follow a market that moves
  leadscore score               score every open lead
  leadscore calls               whom sales is to call, and who waits
  leadscore publish --dry-run   see what would change, field by field
  leadscore publish             write the scores
  leadscore pages               write the pages that both teams look at; `leadscore open` opens them
  leadscore review              what both teams look at each week, month, quarter and year
  leadscore plan                a target worked backwards: what it takes a week, and until when
  leadscore trace LEAD          one lead's way from CRM row to written-back score

On your own CRM, from a folder of exported files, or a database, to settings that run:
  leadscore init --data FOLDER --config config/ours.toml
`leadscore COMMAND --help` shows an example of each."""


app = typer.Typer(cls=FriendlyGroup, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `leadscore` command."""
    app(prog_name="leadscore")


@app.callback(invoke_without_command=True)
def first_run(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the versions of what is installed.")] = False,
) -> None:
    """Calibrated lead scoring: CRM history in, probabilities, thresholds and reasons out."""
    if version:
        from pipelines.versions import versions_text

        typer.echo(versions_text())
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(FIRST_RUN)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the export to.")] = Path("data/simulated"),
    leads: Annotated[int, typer.Option("--leads", min=100, help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same files.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write the export of a simulated B2B CRM whose true probabilities are known.

    Example: leadscore simulate --leads 20000 --seed 1 --out data/simulated
    """
    from dataclasses import asdict

    from pipelines.console import show_json, show_rows, working
    from simulation import simulate as simulate_crm

    with working("simulating") as say:
        summary = simulate_crm(out, n_leads=leads, seed=seed, say=say)
    facts = asdict(summary)
    if as_json:
        show_json(facts)
        return
    written = {f"rows of {table}": count for table, count in facts.pop("rows").items()}
    show_rows([{"simulated": name.replace("_", " "), "": _number(value)} for name, value in (facts | written).items()])


@app.command()
def check(config: Config = DEFAULT_CONFIG, data: Data = None, as_json: AsJson = False) -> None:
    """Read the source's history and check it against the data contracts.

    Refused rows go to quarantine with their reasons; a history that breaks its contract as a whole stops the run.

    Example: leadscore check --config config/bpi2012.toml --data data/bpi2012
    """
    from pipelines import console, display
    from pipelines.ingest import ingest_history

    settings = settings_of(config, data)
    if _reports_to_prefect():
        from pipelines import flows

        report = flows.ingest(str(config), _text(data))
    else:
        with console.working("check") as say:
            report = ingest_history(settings, say=say, warn=console.warn)
    display.check_report(report, settings, as_json=as_json)


@app.command()
def quarantine(
    config: Config = DEFAULT_CONFIG,
    rule: Annotated[str, typer.Option("--rule", help="Only this rule, such as leads.created_at.has_type.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many breaches to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show refused rows of the last check with their reasons.

    Example: leadscore quarantine --rule activities.lead_id.references --limit 5
    """
    from pipelines import display
    from pipelines.store import Store

    rows = Store.of(settings_of(config, None)).quarantined(rule=rule, limit=limit)
    display.quarantined(rows, as_json=as_json)


@app.command()
def train(
    config: Config = DEFAULT_CONFIG,
    test_from: Annotated[
        datetime | None,
        typer.Option("--test-from", help="First moment (UTC) of the test leads; else the latest 25 % of the leads."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train every transition, evaluate it on the latest leads, and register the release in MLflow.

    The release becomes `candidate`, and `production` where the gate lets it through; a release under other settings
    than those in force waits for `leadscore promote`.

    Example: leadscore train --config config/bpi2012.toml --test-from 2012-01-12
    """
    from pipelines import console, display
    from pipelines.promote import who
    from pipelines.train import train_release

    settings = settings_of(config, None)
    if _reports_to_prefect():
        from pipelines import flows

        made = flows.train(str(config), test_from=test_from)
    else:
        with console.working("train") as say:
            made = train_release(
                settings, created_at=now(), by=who(), test_from=in_utc(test_from), say=say, warn=console.warn
            )
    display.training(made, as_json=as_json)


@app.command()
def recalibrate(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Mend the level and slope of production's probabilities, from leads that entered since its training.

    A release of its own is made where that clearly helps, and goes into force where the gate lets it through. Between
    two trainings, probabilities so follow a market that moves.

    Example: leadscore recalibrate --config config/bpi2012.toml
    """
    from pipelines import console, display
    from pipelines.promote import who
    from pipelines.recalibrate import recalibrate as mend

    settings = settings_of(config, None)
    if _reports_to_prefect():
        from pipelines import flows

        made = flows.recalibrate(str(config))
    else:
        with console.working("recalibrate") as say:
            made = mend(settings, created_at=now(), by=who(), say=say)
    display.recalibration(made, as_json=as_json)


@app.command()
def leaks(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show which attributes and activity kinds may have known the outcome, and why.

    A leak has evidence in time, a suspect is too good to be true. Either holds a release back until it is left out of
    the settings or allowed there by name.

    Example: leadscore leaks --config config/olist.toml --json
    """
    from pipelines import console, display
    from pipelines.leaks import report_leaks

    with console.working("leaks") as say:
        reports = report_leaks(settings_of(config, None), say=say, warn=console.warn)
    display.leaks(reports, as_json=as_json)


@app.command()
def backtest(
    config: Config = DEFAULT_CONFIG,
    folds: Annotated[int, typer.Option("--folds", min=1, help="How many later and later test windows.")] = 4,
    permute: Annotated[
        bool, typer.Option("--permute", help="Shuffle the features among leads first: what is found then is chance.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train and judge on several later and later windows: would it have worked all along?

    Leads are judged at the age at which people act on them, and those of all windows together by month and segment.
    MLflow keeps all of it.

    Example: leadscore backtest --folds 4
    """
    from pipelines import backtest as backtesting
    from pipelines import console, display

    settings = settings_of(config, None)
    if _reports_to_prefect():
        from pipelines import flows

        judged = flows.backtest(str(config), n_folds=folds, permute=permute)
    else:
        with console.working("backtest") as say:
            judged = dict(backtesting.backtest(settings, n_folds=folds, permute=permute, say=say, warn=console.warn))
    display.backtests(judged, as_json=as_json)


for command in COMMANDS:
    app.command()(command)
app.command("open")(open_pages)


@app.command()
def definitions(
    config: Config = DEFAULT_CONFIG,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="Show the definitions in effect on this day, whole.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of the definitions that figures were made under, with what each changed.

    Example: leadscore definitions --at 2026-06-30
    """
    from pipelines import display
    from pipelines.definitions import definitions_at, definitions_kept

    folder = settings_of(config, None).store.folder
    if at is None:
        display.definitions(definitions_kept(folder), as_json=as_json)
    else:
        display.agreement(definitions_at(folder, at.date()), as_json=as_json)


@app.command()
def score(
    lead: Annotated[str, typer.Argument(help="Score this lead alone, and only show it.")] = "",
    config: Config = DEFAULT_CONFIG,
    release: Release = "production",
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", help="Score as things stood at this moment (UTC); else at the extract."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score every open lead: probabilities, expected value, grade, reasons, next action.

    With a lead's id, score it alone: nothing is kept.

    Example: leadscore score --release candidate --as-of 2026-06-01
    """
    from pipelines import console, display
    from pipelines.score import score_open_leads

    settings = settings_of(config, None)
    if lead:
        from pipelines.one_lead import score_lead

        told = score_lead(settings, lead, release=release, as_of=in_utc(as_of), warn=console.warn)
        display.one_score(told, as_json=as_json)
        return
    if _reports_to_prefect():
        from pipelines import flows

        scored = flows.score(str(config), release=release, as_of=as_of)
    else:
        with console.working("score") as say:
            scored = score_open_leads(settings, release=release, as_of=in_utc(as_of), say=say, warn=console.warn)
    display.scored(scored, as_json=as_json)


@app.command()
def publish(
    config: Config = DEFAULT_CONFIG,
    release: Release = "production",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of how many leads a dry run shows the changes.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Write the last scores: changed values only, field by field.

    Example: leadscore publish --dry-run --limit 50
    """
    from pipelines import console, display
    from pipelines.score import plan_publication, publish_scores

    settings = settings_of(config, None)
    if dry_run:
        display.plan(plan_publication(settings, release=release, warn=console.warn), limit=limit, as_json=as_json)
        return
    if _reports_to_prefect():
        from pipelines import flows

        receipt = flows.publish(str(config), release=release)
    else:
        with console.working("publish") as say:
            receipt = publish_scores(settings, release=release, say=say, warn=console.warn)
    display.receipt(receipt, as_json=as_json)


@app.command()
def schema(
    of: Annotated[
        EditedFile,
        typer.Argument(help="The settings, what each team gave the other, or the notes of one review."),
    ] = EditedFile.SETTINGS,
) -> None:
    """Print the JSON Schema of a file that people edit: an editor completes and checks the file by it.

    Example: leadscore schema resources > resources.schema.json
    """
    from pipelines.console import show_json

    show_json(schema_of(of))


@app.command()
def demo(
    leads: Annotated[int, typer.Option("--leads", min=1000, help="How many leads to simulate.")] = 20_000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulation.")] = 1,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Simulate a CRM, check it, train, score and publish to files, and sum up what came out.

    The settings' source must be `simulated`: the export is written to their data folder.

    Example: leadscore demo --leads 20000
    """
    from pipelines.demo import run_demo

    run_demo(settings_of(config, None), n_leads=leads, seed=seed, now=now())


def _reports_to_prefect() -> bool:
    """Whether an API URL is set. Without one a flow would first start a server of its own, for seconds."""
    return bool(os.environ.get("PREFECT_API_URL"))


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
