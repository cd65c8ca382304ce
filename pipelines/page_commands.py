"""The commands about the pages: write them, open them."""

import webbrowser

import typer

from pipelines.clock import now
from pipelines.options import DEFAULT_CONFIG, AsJson, Config, settings_of


def pages(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Write the pages that both teams look at, from what stands in the store: a folder that opens from disk.

    Today has the call list, what is overdue and the queue; the others say whether the model works, how the data fared
    and what was agreed. What is not there yet says why. `nightly`, `weekly` and `monthly` end with it.

    Example: leadscore pages && leadscore open
    """
    from pipelines import console
    from pipelines.page_writing import write_pages

    with console.working("pages") as say:
        written = write_pages(settings_of(config, None), made_at=now(), say=say)
    if as_json:
        console.show_json({"first_page": str(written.first_page)})
    else:
        console.show(f"{written.first_page}")


def open_pages(config: Config = DEFAULT_CONFIG) -> None:
    """Open the pages in the browser.

    Example: leadscore open --config config/olist.toml
    """
    from data_contracts.errors import StoreError
    from pipelines import console
    from pipelines.store import Store

    first_page = Store.of(settings_of(config, None)).pages / "index.html"
    if not first_page.exists():
        raise StoreError(f"there are no pages in {first_page.parent}; run `leadscore pages` first")
    console.show(str(first_page))
    if not webbrowser.open(first_page.as_uri()):
        console.warn("no browser was found here; open the file above in one")
        raise typer.Exit(1)
