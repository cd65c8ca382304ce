"""The generated pages of `docs/`: written from the code, and checked against it.

`python -m pipelines.documentation` writes them, with `--check` it says which are out of date.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from data_contracts.documentation import contracts_markdown, glossary_markdown
from data_contracts.errors import LeadScoreError
from features.documentation import features_markdown
from pipelines.cli import FIRST_RUN, app
from pipelines.console import complain, show
from pipelines.friendly import INTERRUPTED

DOCS = Path(__file__).parents[1] / "docs"
HELP_WIDTH = 100


def pages() -> Mapping[str, str]:
    """The generated pages: file name to text."""
    return {
        "cli.md": cli_markdown(),
        "contracts.md": contracts_markdown(),
        "features.md": features_markdown(),
        "glossary.md": glossary_markdown(),
    }


def cli_markdown() -> str:
    """Every command's help, and the exit codes."""
    group = typer.main.get_group(app)
    parts = ["# Command line\n", "Generated from the code; do not edit.\n", f"```\n{FIRST_RUN}\n```\n"]
    for name, command in group.commands.items():
        context = typer.Context(
            command, info_name=f"leadscore {name}", terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
        )
        parts.append(f"## leadscore {name}\n\n```\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join([*parts, exit_codes_markdown()])


def exit_codes_markdown() -> str:
    """A table of exit codes: what went wrong, and the first sentence about it."""
    kinds: list[type[LeadScoreError]] = [LeadScoreError, *LeadScoreError.__subclasses__()]
    rows = [f"| {kind.exit_code} | {(kind.__doc__ or '').strip().splitlines()[0]} |" for kind in kinds]
    return "\n".join(
        [
            "## Exit codes",
            "",
            "Data go to stdout, talk and errors to stderr.",
            "",
            "| code | meaning |",
            "|---|---|",
            "| 0 | Done. |",
            "| 2 | The command line itself was wrong. |",
            *rows,
            f"| {INTERRUPTED} | The command was stopped at the keyboard. |",
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` return 1 and say which are out of date."""
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if arguments == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
            show(f"wrote docs/{name}")
    if stale:
        complain(f"out of date: {', '.join(f'docs/{name}' for name in stale)}; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
