"""From a raw export to settings that run: look, ask, write, check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crm.database_copy import TABLES, copy_database
from crm.recognise import QUESTIONS, Export, Guess, Question, Recognised, look_at, recognise, settings_text
from data_contracts.disk import disk_errors
from data_contracts.errors import LeadScoreError, SettingsError
from data_contracts.history import CheckReport
from data_contracts.keeping import kept_file, new_folder
from data_contracts.progress import Say, silent
from data_contracts.settings import load_settings, project_folder
from pipelines.clock import now
from pipelines.ingest import ingest_history
from pipelines.options import is_address

MOST_QUESTIONS = 5
"""What is asked at most: the weightiest first, the others are proposals with a TODO."""

_BEFORE = ".before"

Ask = Callable[[Question], str]


@dataclass(frozen=True)
class Begun:
    """Settings that were begun.

    Attributes
    ----------
    settings, selects
        The files that were written.
    guesses, todos
        What was guessed with its evidence, and what only people can say.
    answered, open_questions
        The questions with their answers, and those of which the proposal was taken.
    report
        Of the check; None where it stopped, with `stopped_because`.
    next_steps
        The commands to go on with.
    """

    settings: Path
    selects: tuple[Path, ...]
    guesses: tuple[Guess, ...]
    todos: tuple[str, ...]
    answered: Mapping[str, str]
    open_questions: tuple[Question, ...]
    report: CheckReport | None
    stopped_because: LeadScoreError | None
    next_steps: tuple[str, ...]


def begin(
    config: Path,
    *,
    data: Path | str,
    answers: Mapping[str, str],
    ask: Ask | None,
    overwrite: bool = False,
    say: Say = silent,
    warn: Say = silent,
) -> Begun:
    """Settings and SELECTs for the export in `data`, a folder or the address of a database, written and checked.

    `answers` are taken before anything is asked; where `ask` is None, proposals are taken for the rest. The SELECTs are
    written first and the settings last, so that a run that is killed leaves no settings that read half a source.

    Raises
    ------
    SettingsError
        Where files are there already that say something else and may not be overwritten, or where an answer is none.
    SourceError
        Where the export cannot be read, or holds no table of leads.
    """
    if unknown := sorted(set(answers) - set(QUESTIONS)):
        raise SettingsError(f"there is no question {', '.join(map(repr, unknown))}; there are {', '.join(QUESTIONS)}")
    folder, copied = _as_files(data, config, overwrite=overwrite, say=say)
    say(f"looking at the files in {folder}")
    export = look_at(folder)
    try:
        found, answered = _asked(export, answers, ask=ask, say=say)
    finally:
        export.backend.disconnect()
    found = replace(found, guesses=(*copied, *found.guesses))
    say("writing the SELECTs and the settings")
    selects = _write(found, config, data=folder, overwrite=overwrite)
    settings = load_settings(config)
    open_ = tuple(question for question in found.questions if question.is_pressing)
    report, stopped = None, None
    try:
        report = ingest_history(settings, say=say, warn=warn)
    except LeadScoreError as error:
        stopped = error
    return Begun(
        config, selects, found.guesses, found.todos, answered, open_, report, stopped, _next_steps(config, found)
    )


def _as_files(data: Path | str, config: Path, *, overwrite: bool, say: Say) -> tuple[Path, tuple[Guess, ...]]:
    """The folder of the files, and what is told of them where they are copies of a database."""
    if not is_address(str(data)):
        return Path(data), ()
    if config.exists() and not overwrite:  # the settings that are there may read the copy that would be replaced
        raise SettingsError(
            f"{config} is there already; give another --config, or --overwrite to begin anew (what stands is kept as "
            f"*{_BEFORE}). `leadscore copy` only copies the database anew"
        )
    folder = Path("data") / config.stem
    at = now()
    tables = copy_database(str(data), project_folder() / folder, say=say)
    again = Guess(
        "the database",
        f"{len(tables)} tables and views",
        f"copied to {folder} as they stood at {at:%Y-%m-%d %H:%M} UTC",
        todo=f"copy the database anew before each run: leadscore copy --to {folder}, with LEADSCORE_DATABASE_URL",
    )
    left_out = (
        Guess(f"{table.name}: {', '.join(table.left_out)}", "not copied", "they say who a person is, or are binary")
        for table in tables
        if table.left_out
    )
    return project_folder() / folder / TABLES, (again, *left_out)


def _asked(
    export: Export, answers: Mapping[str, str], *, ask: Ask | None, say: Say
) -> tuple[Recognised, dict[str, str]]:
    """What the export is recognised as once everything is answered, and the answers."""
    answered: dict[str, str] = {}
    n_asked = 0
    while True:
        say("recognising tables and columns")
        found = recognise(export, answered)
        new = {q.name: answers[q.name] for q in found.questions if q.name in answers}
        if ask is not None and not new:
            pressing = sorted((q for q in found.questions if q.is_pressing), key=lambda q: QUESTIONS.index(q.name))
            for question in pressing[: MOST_QUESTIONS - n_asked]:
                new[question.name] = ask(question)
                n_asked += 1
        for question in found.questions:
            if question.name in new and (why := question.refusal(new[question.name])):
                raise SettingsError(why)
        if not new:
            break
        answered |= new
    if idle := sorted(set(answers) - set(answered)):
        raise SettingsError(
            f"this export asks nothing about {', '.join(idle)}; leave out --answer {idle[0]}=... "
            f"(it asks about {', '.join([*answered, *(q.name for q in found.questions)]) or 'nothing'})"
        )
    return found, answered


def _write(found: Recognised, config: Path, *, data: Path, overwrite: bool) -> tuple[Path, ...]:
    """Write the SELECTs, then the settings; the paths of the SELECTs."""
    name, sources = config.stem, config.absolute().parent / "sources"
    text = settings_text(
        found,
        source=name,
        sources_folder=_from_home(sources),
        data_folder=_from_home(data.absolute()),
        store=Path("var") / name,
    )
    files = {f"{table}.sql": select for table, select in found.selects.items()}
    folder = sources / name
    if not (_is_same(config, text) and _folder_is_same(folder, files)):
        there = [path for path in (config, folder) if path.exists()]
        if there and not overwrite:
            raise SettingsError(
                f"{' and '.join(map(str, there))} is there already and says something else; give another --config, or "
                f"--overwrite to begin anew (what stands is kept as *{_BEFORE})"
            )
        with disk_errors(config.parent):
            sources.mkdir(parents=True, exist_ok=True)
            for path in (config, folder):  # settings first: without them nothing reads the SELECTs
                _put_by(path)
            with new_folder(folder, within=folder) as aside:
                for file, select in files.items():
                    (aside / file).write_text(select, encoding="utf-8")
            with kept_file(config) as aside:
                aside.write_text(text, encoding="utf-8")
    return tuple(folder / file for file in sorted(files))


def _from_home(path: Path) -> Path:
    home = project_folder()
    return path.relative_to(home) if path.is_relative_to(home) else path


def _is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text


def _folder_is_same(folder: Path, files: Mapping[str, str]) -> bool:
    there = {file.name for file in folder.glob("*.sql")} if folder.is_dir() else set()
    return there == set(files) and all(_is_same(folder / name, text) for name, text in files.items())


def _put_by(path: Path) -> None:
    """Keep what stands at `path` beside it, under the next name with `.before` that is free."""
    if path.exists():
        names: Sequence[str] = [f"{path.name}{_BEFORE}", *(f"{path.name}{_BEFORE}{n}" for n in range(2, 10_000))]
        path.rename(next(path.with_name(name) for name in names if not path.with_name(name).exists()))


def _next_steps(config: Path, found: Recognised) -> tuple[str, ...]:
    """The commands that come next; the shadow looks at the weeks that the export can tell of."""
    of = f"--config {config}"
    until = f" --until {found.leads_until}" if found.leads_until else ""
    return (
        f"leadscore check {of}",
        f"leadscore train {of}",
        f"leadscore shadow {of} --weeks {found.shadow_weeks}{until}",
        f"leadscore score {of}",
        f"leadscore pages {of}",
        f"leadscore open {of}",
    )
