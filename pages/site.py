"""The whole site: each page rendered with its tables, in one folder that opens from disk."""

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pages.cells import cell_of
from pages.frame import Frame
from pages.tables import Table, write_files

_HERE = Path(__file__).parent
TEMPLATES, ASSETS = _HERE / "templates", _HERE / "assets"

_CODE = re.compile("`([^`]+)`")

TABLES = "tables"
"""The folder of the tables as files."""

NAVIGATION = {
    "index.html": "Today",
    "review.html": "Review",
    "works.html": "Does it work?",
    "data.html": "Data",
    "definitions.html": "Definitions",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its file, what its template is told, and its tables, which are files as well.

    Attributes
    ----------
    path
        From the folder of the site, with `/`.
    title
        Of the browser's tab.
    under
        The page of the navigation that it belongs to; empty where it is that page, or belongs to none.
    """

    path: str
    title: str
    template: str
    told: Mapping[str, Any]
    tables: Mapping[str, Table] = field(default_factory=dict)
    under: str = ""


def write_site(
    folder: Path, pages: Iterable[Page], frame: Frame, *, navigation: Mapping[str, str] = NAVIGATION
) -> None:
    """Write every page with its tables, the stylesheet and the script into the empty `folder`.

    `navigation` names the pages that every page links to, by file.
    """
    environment = _environment(frame)
    for asset in sorted(ASSETS.iterdir()):
        shutil.copyfile(asset, folder / asset.name)
    written: set[str] = set()
    for page in pages:
        whole = {table.whole.name: table.whole for table in page.tables.values() if table.whole.name not in written}
        write_files(whole.values(), folder / TABLES)
        written |= whole.keys()
        target = folder / page.path
        target.parent.mkdir(exist_ok=True)
        target.write_text(_rendered(environment, page, frame, navigation), encoding="utf-8")


def _rendered(environment: Environment, page: Page, frame: Frame, navigation: Mapping[str, str]) -> str:
    root = "../" * page.path.count("/")
    return environment.get_template(page.template).render(
        page.told,
        tables=page.tables,
        page=page,
        frame=frame,
        root=root,
        navigation=navigation,
    )


def with_code(text: str) -> Markup:
    """`text`, escaped, with what stands between backticks as code.

    >>> print(with_code("run `leadscore score` <now>"))
    run <code>leadscore score</code> &lt;now&gt;
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just here


def _environment(frame: Frame) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = frame.formats
    for name in ("count", "number", "share", "money", "day", "moment", "full_moment"):
        environment.filters[name] = getattr(formats, name)
    environment.filters["with_code"] = with_code
    environment.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    environment.globals["cell_of"] = lambda row, column: cell_of(row, column, frame)
    return environment
