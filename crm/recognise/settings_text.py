"""The settings file that an export begins with: what is needed, with comments, and a TODO where people must decide."""

import json
from collections.abc import Iterable
from pathlib import Path

from crm.recognise.nouns import Attribute, Guess, Kind, Recognised
from data_contracts.crm_mapping import SOURCES

_HEADING = """\
# Settings for {source}, begun by `leadscore init`. Each `TODO` is a decision that only people can take; the file runs
# without it.
# config/scoring.toml shows every setting there is; `leadscore check --config` says what is wrong with this file.
"""

_AVAILABILITY = """\
# Attributes, and when their values could have been known: immutable, at_creation, historised (every change is in the
# history), overwritten (refused unless allowed_because says why). One that is `now` is read by no model:
# nobody has said yet.
"""


def settings_text(found: Recognised, *, source: str, sources_folder: Path, data_folder: Path, store: Path) -> str:
    """The settings as TOML."""
    parts = [
        _HEADING.format(source=_comment(source)),
        _definitions(found),
        _policy(found),
        _crm(found, source=source, sources_folder=sources_folder, data_folder=data_folder),
        *(_kind(kind) for kind in found.kinds),
        _words("crm.directions", found.directions),
        _words("crm.outcomes", found.outcomes),
        _left_out(found.guesses),
        _AVAILABILITY.rstrip() if found.attributes else "",
        *(_attribute(attribute) for attribute in found.attributes),
        f"[store]\nfolder = {_text(str(store))}",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _text(value: str) -> str:
    r"""`value` as a basic string of TOML, whatever is in it.

    >>> print(_text('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """`text` on one line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _todo(found: Recognised, what: str) -> str:
    told = next((guess.todo for guess in found.guesses if guess.what == what and guess.todo), "")
    return f"    # TODO: {_comment(told)}" if told else ""


def _definitions(found: Recognised) -> str:
    lines = [
        "[definitions]",
        'version = "1"    # raise it with every change of [definitions]',
        f"effective_from = {found.effective_from}",
    ]
    if found.learn_since:
        lines.append(f"learn_since = {found.learn_since}{_todo(found, 'learn_since')}")
    lines += ["", "[definitions.transitions]"]
    lines += [
        f"{transition} = {{ horizon_days = {days} }}{_todo(found, f'horizon {transition}')}"
        for transition, days in found.horizons.items()
    ]
    if found.assumed_contact:
        reason = found.assumed_contact
        lines += ["", "[definitions.contact]", f"assume_contacted_because = {_text(reason)}{_todo(found, 'contact')}"]
    return "\n".join(lines)


def _policy(found: Recognised) -> str:
    return "\n".join(
        [
            "[policy]",
            'version = "1"',
            "",
            "[[policy.teams]]",
            'name = "sales"',
            f"leads_per_week = {found.leads_per_week}{_todo(found, 'leads a week')}",
        ]
    )


def _crm(found: Recognised, *, source: str, sources_folder: Path, data_folder: Path) -> str:
    lines = ["[crm]", f"source = {_text(source)}"]
    lines += [f"sources_folder = {_text(str(sources_folder))}"] if sources_folder != SOURCES else []
    lines += [f"data_folder = {_text(str(data_folder))}    # stands for {{data_folder}} in the SELECTs"]
    lines += [todo.strip()] if (todo := _todo(found, "the database")) else []
    if found.currency:
        lines.append(f"currency = {_text(found.currency)}")
    if found.rates:
        lines += ["", "[crm.rates]", *(f"{_text(code)} = {rate}" for code, rate in found.rates.items())]
    lines += ["", "# Left: the CRM's word. Right: ours.", "[crm.stages]"]
    lines += [
        f"{_text(word)} = {_text(stage)}{_todo(found, f'stage word {word!r}')}" for word, stage in found.stages.items()
    ]
    return "\n".join(lines)


def _kind(kind: Kind) -> str:
    lines = [f"[crm.kinds.{kind.name}]"]
    lines += (
        []
        if kind.is_known
        else ["# TODO: its words say nothing: who starts it, what does it show, is it a touch of sales?"]
    )
    if kind.words:
        lines.append(f"words = [{', '.join(map(_text, kind.words))}]")
    lines += [f"family = {_text(kind.family)}", f"direction = {_text(kind.direction)}"]
    lines += ["counts_as_contact = true"] if kind.counts_as_contact else []
    if kind.outcomes:
        lines += [f"outcomes = [{', '.join(map(_text, kind.outcomes))}]", f"otherwise = {_text(kind.otherwise)}"]
    auxiliary = f", auxiliary = {_text(kind.auxiliary)}" if kind.auxiliary else ""
    lines.append(f"phrase = {{ did = {_text(kind.did)}{auxiliary} }}")
    return "\n".join(lines)


def _words(section: str, words: object) -> str:
    pairs = dict(words)  # type: ignore[call-overload]
    return (
        "\n".join([f"[{section}]", *(f"{_text(word)} = {_text(ours)}" for word, ours in pairs.items())])
        if pairs
        else ""
    )


def _left_out(guesses: Iterable[Guess]) -> str:
    told = [f"#   {_comment(g.what)}: {_comment(g.evidence)}" for g in guesses if g.value == "left out"]
    return "\n".join(["# Left out of the attributes, and why:", *told]) if told else ""


def _attribute(attribute: Attribute) -> str:
    lines = [
        f"[crm.attributes.{attribute.name}]",
        f"table = {_text(attribute.table)}",
        f"type = {_text(attribute.type)}",
    ]
    todo = f"    # TODO: {_comment(attribute.todo)}" if attribute.todo else ""
    lines.append(f"availability = {_text(attribute.availability)}{todo}")
    lines.append(f"meaning = {_text(_comment(attribute.meaning))}")
    return "\n".join(lines)
