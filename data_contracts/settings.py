"""What revenue operations edits: one settings file, read and judged as a whole."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from data_contracts.crm_mapping import SOURCES, CrmMapping
from data_contracts.definitions import Definitions
from data_contracts.errors import SettingsError
from data_contracts.kinds import agreed_contact
from data_contracts.page_settings import PageSettings
from data_contracts.policy import Policy
from data_contracts.section import Folder, Section, Share
from data_contracts.setting_problems import refusal
from data_contracts.targets import Targets
from data_contracts.today import LISTED_SCHEMA

FOLDERS = {"crm": ("sources_folder", "data_folder"), "store": ("folder",), "pages": ("reviews_folder", "resources")}
"""By section, the settings that name folders or files."""


class StoreSettings(Section):
    """Where we keep what is ours: the checked history, definitions, releases, scores. One folder per settings file.

    Published scores are kept for `keep_scores_days`, and for good where the lead was handed off by them.
    """

    folder: Folder
    keep_scores_days: Annotated[int, Field(ge=1)] = 400


class Checks(Section):
    """When a table as a whole is refused: too many refused rows, or far fewer rows than in the last run."""

    max_refused_share: Share = 0.05
    max_volume_drop_share: Share = 0.5


class EngineSettings(Section):
    """Where the history lives, and which engine carries out the source's SELECTs.

    `memory_limit` is DuckDB's, in its own words. `postgres_schema` is what a run replaces as a whole; the database's
    address is in the environment (`LEADSCORE_POSTGRES_URL`). Spark keeps its tables in the store, which all its workers
    must reach.

    `selects` says who carries out the SELECTs of the source. `duckdb` reads files and hands the rows on. `engine` is
    the engine itself, in its own SQL: for a copy of the CRM that lives there.
    """

    kind: Literal["duckdb", "postgres", "spark"] = "duckdb"
    selects: Literal["duckdb", "engine"] = "duckdb"
    memory_limit: str = "4GB"
    postgres_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,39}$")] = "leadscore"


class Settings(Section):
    """One settings file.

    `file` is the one they were read from; None where they were made otherwise. It is no part of what they say.
    """

    _file: Path | None = PrivateAttr(default=None)

    definitions: Definitions
    policy: Policy
    crm: CrmMapping
    store: StoreSettings
    checks: Checks = Checks()
    engine: EngineSettings = EngineSettings()
    pages: PageSettings = PageSettings()
    targets: Targets = Targets()

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, wherever they were read from."""
        return isinstance(other, Settings) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]  # what a file says is a tree of tables: nobody keeps sets of them

    @property
    def file(self) -> Path | None:
        """The file that they were read from."""
        return self._file

    def read_from(self, path: Path | None) -> Self:
        """The same settings, as read from `path`."""
        read = self.model_copy()
        read._file = path
        return read

    @model_validator(mode="before")
    @classmethod
    def _agreement_holds_contact_kinds(cls, content: Any) -> Any:
        return agreed_contact(content)

    @model_validator(mode="after")
    def _what_is_used_is_declared(self) -> Self:
        rule = self.definitions.point_rule
        used = {f"icp criterion {c.name!r}": c.attribute for c in self.definitions.icp.criteria}
        used |= {f"persona {p.name!r}": p.attribute for p in self.definitions.personas}
        used |= {f"sales_ready {one.said!r}": one.attribute for one in self.definitions.sales_ready}
        used |= {by: condition.attribute for by, condition in self.policy.conditions.items()}
        listed = self.targets.target_accounts
        used |= {f"target_accounts {listed.said!r}": listed.attribute} if listed else {}
        used |= {f"point rule on {p.attribute!r}": p.attribute for p in (rule.attributes if rule else ())}
        unknown = [f"{user} uses {name!r}" for user, name in used.items() if name not in self.crm.attributes]
        counted = [p.kind for p in (rule.activities if rule else ()) if p.kind not in self.crm.kinds]
        shown = [name for name in self.pages.segments if name not in self.crm.attributes]
        twice = [name for name in self.pages.segments if name in LISTED_SCHEMA.names]
        of_leads = [listed.attribute] if listed and listed.attribute in self.crm.attributes_of("leads") else []
        fields = set(self.crm.attributes) & set(self.crm.write_back_fields)
        problems = [
            unknown and f"attributes that are not declared in [crm.attributes]: {'; '.join(unknown)}",
            counted and f"kinds of the point rule that are not declared in [crm.kinds]: {', '.join(counted)}",
            shown and f"segments of [pages] that are not declared in [crm.attributes]: {', '.join(shown)}",
            twice and f"segments of [pages] that lists show already, so leave them out: {', '.join(twice)}",
            of_leads and f"target_accounts of [targets] ask for an attribute of leads, not of accounts: {of_leads[0]}",
            fields and f"write-back fields may never be inputs: {', '.join(sorted(fields))}",
        ]
        if told := [problem for problem in problems if problem]:
            raise ValueError("; ".join(map(str, told)))
        return self


def load_settings(path: Path | str, *, data_folder: Path | None = None) -> Settings:
    """The settings in the TOML file at `path`, with `data_folder` in place of the file's if given.

    Relative folders and files in it are in the project folder (`LEADSCORE_HOME`, else the working folder), a relative
    `data_folder` in the working folder; in the settings all of them are absolute. Raises `SettingsError` that lists
    every problem at once.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {path.absolute()}; give one with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    _set_folders(content, data_folder=data_folder)
    try:
        return Settings.model_validate(content).read_from(path.absolute())
    except ValidationError as error:
        raise refusal(path, error, Settings) from None


def project_folder() -> Path:
    """The folder in which relative ones are: `LEADSCORE_HOME` where it is set, else the working folder."""
    return Path(os.environ.get("LEADSCORE_HOME") or Path.cwd()).absolute()


def _set_folders(content: dict[str, Any], *, data_folder: Path | None) -> None:
    """Put the folders of `content` in the project folder; what is no path is left to the validation."""
    crm = content.get("crm", {})
    if isinstance(crm, dict):
        given = {} if data_folder is None else {"data_folder": str(data_folder.absolute())}
        content["crm"] = {"sources_folder": str(SOURCES)} | crm | given
    home = project_folder()
    for section, names in FOLDERS.items():
        told = content.get(section)
        if isinstance(told, dict):
            content[section] = told | {
                name: str(home / told[name]) for name in names if isinstance(told.get(name), str)
            }
