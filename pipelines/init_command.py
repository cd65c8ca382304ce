"""The command that begins with a raw export."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_contracts.errors import SettingsError
from pipelines.options import AsJson

if TYPE_CHECKING:  # the command line starts fast
    from crm.recognise import Question
    from pipelines.init import Begun


def init(
    data: Annotated[
        str,
        typer.Option(
            "--data",
            envvar=["LEADSCORE_DATABASE_URL", "LEADSCORE_DATA"],
            help="The folder of the exported files, or a database: sqlite:///crm.db, postgresql://user@host/crm.",
        ),
    ],
    config: Annotated[Path, typer.Option("--config", help="The settings file to write.")] = Path("config/ours.toml"),
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", metavar="NAME=VALUE", help="An answer, before it is asked: capacity=45, won=A_APPROVED."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: take the proposals, and write a TODO for each.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew; what stood is kept beside it as *.before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Begin with your own CRM: from a folder of exported files, or a database, to settings that run.

    Tables and columns are recognised, each guess with its evidence; at most five questions are asked, with --json none.
    The SELECTs and the settings are written, with a TODO where people must decide, and checked. A database is copied to
    files first, as by `leadscore copy`.

    Example: leadscore init --data exports/crm --config config/ours.toml --answer capacity=45
    """
    from pipelines import console
    from pipelines.init import begin

    answers = _answers(answer or [])
    with console.working("init") as say:
        ask = None if yes or as_json else _ask
        begun = begin(config, data=data, answers=answers, ask=ask, overwrite=overwrite, say=say, warn=console.warn)
    _show(begun, as_json=as_json)
    if begun.stopped_because is not None:
        raise begun.stopped_because


def _answers(given: list[str]) -> dict[str, str]:
    bad = [text for text in given if "=" not in text]
    if bad:
        raise typer.BadParameter(f"{bad[0]!r} has no `=`; say it like capacity=45", param_hint="--answer")
    return {name.strip(): value.strip() for name, _, value in (text.partition("=") for text in given)}


def _ask(question: "Question") -> str:
    """The answer from the keyboard; nothing is the proposal, a blank and nothing else is none."""
    from rich.markup import escape

    from pipelines.console import TALK

    TALK.print(f"\n{escape(question.asks)}", soft_wrap=True)
    TALK.print(escape(f"  proposed because: {question.because}"), soft_wrap=True)
    if question.choices:
        TALK.print(escape(f"  there are: {', '.join(question.choices)}"), soft_wrap=True)
    try:
        told: str = typer.prompt("  answer", default=question.proposal, err=True)
    except typer.Abort:
        raise SettingsError("nobody answers; say --yes to take the proposals, or --answer NAME=VALUE") from None
    return told.strip()


def _show(begun: "Begun", *, as_json: bool) -> None:
    from pipelines.console import show, show_json, show_rows, warn

    if as_json:
        content = {
            "settings": str(begun.settings),
            "selects": [str(path) for path in begun.selects],
            "guesses": [asdict(guess) for guess in begun.guesses],
            "todos": begun.todos,
            "answered": begun.answered,
            "open_questions": [asdict(question) for question in begun.open_questions],
            "check": asdict(begun.report) if begun.report else None,
            "stopped_because": str(begun.stopped_because) if begun.stopped_because else None,
            "next_steps": begun.next_steps,
        }
        show_json(content)
        return
    rows = [{"what": guess.what, "taken as": guess.value, "because": guess.evidence} for guess in begun.guesses]
    show_rows(rows, title="What was recognised, and by what")
    if begun.report is not None:
        from pipelines.report import table_check_rows

        show("")
        show_rows(table_check_rows(begun.report), title="The first check")
        for warning in begun.report.warnings:
            warn(warning)
    show("")
    show(f"settings: {begun.settings}")
    show(f"SELECTs: {begun.selects[0].parent}")
    if begun.todos:
        show(f"\nLeft for people to decide ({len(begun.todos)}); the settings run without:")
        for todo in begun.todos:
            show(f"  TODO: {todo}")
    show("\nNext:")
    for step in begun.next_steps:
        show(f"  {shlex.join(shlex.split(step))}")
