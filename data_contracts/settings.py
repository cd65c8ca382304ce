"""What revenue operations edits: the definitions both teams agreed on, and how their CRM maps onto our words."""

import datetime as dt
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data_contracts.columns import ColumnType
from data_contracts.errors import SettingsError
from data_contracts.privacy import is_personal_name
from data_contracts.setting_problems import refusal
from data_contracts.vocabulary import (
    ENTRY,
    ActivityKind,
    Availability,
    DealOutcome,
    Direction,
    FieldContent,
    Stage,
    Transition,
)

FOLDERS = {"crm": ("sources_folder", "data_folder"), "store": ("folder",)}
"""By section, the settings that name folders."""

_PATTERN_SIGNS = "[]*?"
_SOURCES = Path("config/sources")

Share = Annotated[float, Field(ge=0, le=1)]


def _literal(folder: Path) -> Path:
    signs = sorted(set(_PATTERN_SIGNS) & set(str(folder)))
    if signs:
        raise ValueError(
            f"{str(folder)!r} holds {' '.join(signs)}: the engine would take it for a pattern and read another "
            "folder; rename the folder"
        )
    return folder


Folder = Annotated[Path, AfterValidator(_literal)]
"""A relative one is in the project folder: `LEADSCORE_HOME` where it is set, else the working folder."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TransitionDefinition(_Settings):
    """`horizon_days`: how long after the moment of prediction the transition counts."""

    horizon_days: Annotated[int, Field(gt=0)]


class IcpCriterion(_Settings):
    """One line of the ideal customer profile. Exactly one of `one_of` and `at_least`/`at_most` is given."""

    name: str
    attribute: str
    weight: Annotated[float, Field(gt=0)] = 1.0
    one_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        has_range = self.at_least is not None or self.at_most is not None
        if bool(self.one_of) == has_range:
            raise ValueError(f"criterion {self.name!r} needs either one_of or at_least/at_most")
        return self


class IdealCustomerProfile(_Settings):
    """The agreed profile.

    `fit_boundaries` are the least fit (weighted share of the known criteria met) of grades A, B and C; below is D.
    """

    criteria: tuple[IcpCriterion, ...] = ()
    fit_boundaries: tuple[Share, Share, Share] = (0.8, 0.6, 0.4)


class Persona(_Settings):
    """A named segment of buyers: leads whose attribute has one of the values."""

    name: str
    attribute: str
    one_of: tuple[str, ...]


class ActivityPoints(_Settings):
    """Points of the hand-tuned rule for each activity of a kind within `within_days`, `max_points` in all."""

    kind: ActivityKind
    points: float
    within_days: int = 365
    max_points: float | None = None


class AttributePoints(_Settings):
    """Points of the hand-tuned rule for an attribute having one of the values."""

    attribute: str
    one_of: tuple[str, ...]
    points: float


class PointRule(_Settings):
    """The hand-tuned rule in force: a lead with `threshold` points is an MQL."""

    threshold: float
    activities: tuple[ActivityPoints, ...] = ()
    attributes: tuple[AttributePoints, ...] = ()


class Contact(_Settings):
    """What counts as sales having worked a lead. Without it, "no SQL" would often mean "nobody called".

    A lead was contacted if it entered one of `stages` or had an outbound activity of one of `kinds`. Where the CRM
    records neither, `assume_contacted_because` says why every lead may be taken as contacted.
    """

    stages: tuple[Stage, ...] = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
    kinds: tuple[ActivityKind, ...] = (ActivityKind.CALL, ActivityKind.MEETING)
    assume_contacted_because: str = ""


class ServiceLevel(_Settings):
    """`respond_within_hours`: from MQL to the first sales touch."""

    respond_within_hours: Annotated[float, Field(gt=0)] = 24.0


class Capacity(_Settings):
    """`leads_per_week`: how many new leads sales can work in a week."""

    leads_per_week: Annotated[float, Field(gt=0)]


class SnapshotPlan(_Settings):
    """When a lead is looked at for training.

    `entry_delay_minutes` after it enters the stage; then, while it is open in it, every `every_days` days up to
    `up_to_days` days, and `judged_at_days` days after it. Models are judged on each of the latter by itself: they are
    the ages at which people act on a score.
    """

    entry_delay_minutes: Annotated[float, Field(ge=0)] = 1.0
    every_days: Annotated[int, Field(gt=0)] = 7
    up_to_days: Annotated[int, Field(ge=0)] = 90
    judged_at_days: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 3, 7, 14)

    @property
    def judged_days(self) -> tuple[int, ...]:
        """The days of the plan that are judged by themselves, in order; the entry is always among them."""
        return tuple(sorted({ENTRY, *self.judged_at_days}))

    @property
    def days(self) -> tuple[int, ...]:
        """All days of the plan, in order.

        Examples
        --------
        >>> SnapshotPlan(every_days=7, up_to_days=20, judged_at_days=(1, 30)).days
        (0, 1, 7, 14, 30)
        """
        return tuple(sorted({*range(0, self.up_to_days + 1, self.every_days), *self.judged_days}))


class Definitions(_Settings):
    """The agreement between marketing and sales. It has a version, and every output carries it."""

    version: str
    effective_from: dt.date
    agreed_by: tuple[str, ...] = ()
    transitions: dict[Transition, TransitionDefinition]
    icp: IdealCustomerProfile = IdealCustomerProfile()
    personas: tuple[Persona, ...] = ()
    point_rule: PointRule | None = None
    contact: Contact = Contact()
    sla: ServiceLevel = ServiceLevel()
    capacity: Capacity
    snapshots: SnapshotPlan = SnapshotPlan()
    learn_since: dt.date | None = None
    """Snapshots before this day are not learnt from (say, because outcomes were not recorded yet)."""

    @field_validator("transitions")
    @classmethod
    def _known_chains(
        cls, transitions: dict[Transition, TransitionDefinition]
    ) -> dict[Transition, TransitionDefinition]:
        allowed = ({Transition.MQL_TO_SQL, Transition.SQL_TO_WIN}, {Transition.MQL_TO_WIN})
        if set(transitions) not in allowed:
            raise ValueError("define either both mql_to_sql and sql_to_win, or mql_to_win alone")
        return transitions

    @property
    def first_transition(self) -> Transition:
        """The transition that starts at MQL: the one the hand-off threshold is about."""
        return Transition.MQL_TO_SQL if Transition.MQL_TO_SQL in self.transitions else Transition.MQL_TO_WIN


class AttributeDeclaration(_Settings):
    """A column of `accounts` or `leads` that is the customer's own, and when its value could have been known.

    A `category` is read as a whole, a `text` (a job title, a campaign's name, a path) by its words.

    `overwritten` attributes (no history, changed after the fact) are refused unless `allowed_because` says why. Nor
    does an attribute with that reason hold a release back where the leak report finds it suspect.
    """

    table: Literal["accounts", "leads"]
    type: Literal["category", "number", "text"]
    availability: Availability
    meaning: str
    unit: str = ""
    allowed_because: str = ""

    @property
    def column_type(self) -> ColumnType:
        """The type of its column: a number, or the words of a category or a text."""
        return "number" if self.type == "number" else "string"


class CrmMapping(_Settings):
    """Where the history is and how its words translate.

    `data_folder` replaces `{data_folder}` in the source's SELECTs. `write_back_fields` are the fields we write, by the
    CRM's name, and what each holds: none of them may come back as an input. `allowed_kinds` are activity kinds that
    hold no release back where the leak report finds them suspect, each with the reason.
    """

    source: str
    sources_folder: Folder = _SOURCES
    data_folder: Folder
    currency: str = ""
    stages: dict[str, Stage] = {}
    activity_kinds: dict[str, ActivityKind] = {}
    allowed_kinds: dict[ActivityKind, Annotated[str, Field(pattern=r"\S")]] = {}
    directions: dict[str, Direction] = {}
    outcomes: dict[str, DealOutcome] = {}
    attributes: dict[str, AttributeDeclaration] = {}
    write_back_fields: dict[str, FieldContent] = {f"leadscore_{content}": content for content in FieldContent}

    def attributes_of(self, table: str) -> dict[str, AttributeDeclaration]:
        """The attributes declared for `table`, in order."""
        return {name: declared for name, declared in self.attributes.items() if declared.table == table}

    @field_validator("attributes")
    @classmethod
    def _allowed(cls, attributes: dict[str, AttributeDeclaration]) -> dict[str, AttributeDeclaration]:
        problems = []
        for name, declared in attributes.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                problems.append(f"{name!r} is not a lower-case column name")
            if is_personal_name(name):
                problems.append(f"{name!r} would hold what identifies a person; leave it out")
            if declared.availability is Availability.OVERWRITTEN and not declared.allowed_because:
                problems.append(
                    f"{name!r} is overwritten and may hold the outcome; leave it out or say allowed_because"
                )
        if problems:
            raise ValueError("; ".join(problems))
        return attributes


class StoreSettings(_Settings):
    """Where we keep what is ours: the checked history, definitions, releases, scores. One folder per settings file."""

    folder: Folder


class Checks(_Settings):
    """When a table as a whole is refused: too many refused rows, or far fewer rows than in the last run."""

    max_refused_share: Share = 0.05
    max_volume_drop_share: Share = 0.5


class EngineSettings(_Settings):
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


class Settings(_Settings):
    """One settings file."""

    definitions: Definitions
    crm: CrmMapping
    store: StoreSettings
    checks: Checks = Checks()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _attributes_are_declared(self) -> Self:
        rule = self.definitions.point_rule
        used = {f"icp criterion {c.name!r}": c.attribute for c in self.definitions.icp.criteria}
        used |= {f"persona {p.name!r}": p.attribute for p in self.definitions.personas}
        used |= {f"point rule on {p.attribute!r}": p.attribute for p in (rule.attributes if rule else ())}
        unknown = [f"{user} uses {name!r}" for user, name in used.items() if name not in self.crm.attributes]
        if unknown:
            raise ValueError(f"attributes that are not declared in [crm.attributes]: {'; '.join(unknown)}")
        fields = set(self.crm.attributes) & set(self.crm.write_back_fields)
        if fields:
            raise ValueError(f"write-back fields may never be inputs: {', '.join(sorted(fields))}")
        return self


def load_settings(path: Path | str, *, data_folder: Path | None = None) -> Settings:
    """The settings in the TOML file at `path`, with `data_folder` in place of the file's if given.

    Relative folders in the file are in the project folder (`LEADSCORE_HOME`, else the working folder), a relative
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
        return Settings.model_validate(content)
    except ValidationError as error:
        raise refusal(path, error, Settings) from None


def _set_folders(content: dict[str, Any], *, data_folder: Path | None) -> None:
    """Put the folders of `content` in the project folder; what is no path is left to the validation."""
    crm = content.get("crm", {})
    if isinstance(crm, dict):
        given = {} if data_folder is None else {"data_folder": str(data_folder.absolute())}
        content["crm"] = {"sources_folder": str(_SOURCES)} | crm | given
    home = Path(os.environ.get("LEADSCORE_HOME") or Path.cwd()).absolute()
    for section, names in FOLDERS.items():
        told = content.get(section)
        if isinstance(told, dict):
            content[section] = told | {
                name: str(home / told[name]) for name in names if isinstance(told.get(name), str)
            }
