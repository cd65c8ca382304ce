"""The command that holds a review: a period's shared numbers as a page and in the terminal."""

from datetime import datetime
from typing import Annotated

import typer

from data_contracts.metrics.periods import Period
from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def review(
    period: Annotated[Period, typer.Option("--period", help="How long the period is.")] = Period.WEEK,
    of: Annotated[
        datetime | None,
        typer.Option(
            "--of", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="A day in the period; else the last that is over."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Review a period: what both teams look at together, beside the period before at the same maturity.

    The same parts each time, under the definitions in force, with what the last review decided. An earlier
    period is told as it was known as long after its end as the last one is over now. The page is a folder
    that opens from disk and stays as it was held; `leadscore pages` lists the last ones and takes them along.

    Example: leadscore review --period month --of 2026-05-01
    """
    from pages import findings
    from pipelines import console
    from pipelines.reviews import write_review

    with console.working("review") as say:
        written = write_review(settings_of(config, None), period, of.date() if of else None, made_at=now(), say=say)
    told = list(findings(written.review, written.frame))
    counts = written.review.counts.rows.to_pylist()
    if as_json:
        known = {"as_of": written.review.as_of, "definitions": written.review.definitions_version}
        about = {"period": str(period), "first_day": written.review.span.first, **known}
        console.show_json(about | {"findings": told, "counts": counts, "page": str(written.first_page)})
        return
    console.show_rows([{"": "" if nth else "found", "in this review": one} for nth, one in enumerate(told)])
    console.show(f"\n{written.first_page}")
