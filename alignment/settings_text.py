"""Small edits of a settings file's text that keep all else as people wrote it: comments, order, blank lines.

No library that writes TOML is needed for a few known places. Each edit is read back and held against what it should
say; a file that is written in another way than these places expect is refused, never guessed at.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from data_contracts.errors import SettingsError

CRITERIA = "[[definitions.icp.criteria]]"
RATES = "[targets.rates]"
WIDEST = 120

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Table:
    """A header and its lines, from `start` to before `end`: comments and blank lines at its end are the next one's."""

    header: str
    start: int
    end: int


def with_rate(text: str, step: str, rate: float) -> str:
    """`text` with another rate in `[targets.rates]`."""

    def change(content: Content) -> None:
        content["targets"]["rates"][step] = rate

    def edit(lines: list[str]) -> list[str]:
        for table in _tables(lines):
            if table.header in (RATES, "[targets]"):
                key = rf"(\b{re.escape(step)}\s*=\s*)[0-9._eE+-]+"
                for number in range(table.start + 1, table.end):
                    code, comment = _split_comment(lines[number])
                    if re.search(key, code):
                        lines[number] = re.sub(key, rf"\g<1>{rate!r}", code, count=1) + comment
                        return lines
        raise SettingsError(f"there is no rate of {step} in {RATES}")

    return _edited(text, edit, change)


def without_criterion(text: str, name: str) -> str:
    """`text` without the criterion of that name."""

    def change(content: Content) -> None:
        content["definitions"]["icp"]["criteria"].remove(_criterion(content, name))

    def edit(lines: list[str]) -> list[str]:
        table = _criterion_table(lines, name)
        after = table.end
        while after < len(lines) and not lines[after].strip():
            after += 1
        return lines[: table.start] + lines[after:]

    return _edited(text, edit, change)


def with_values(text: str, name: str, values: Sequence[str]) -> str:
    """`text` with other values in the `one_of` of a criterion."""

    def change(content: Content) -> None:
        _criterion(content, name)["one_of"] = list(values)

    def edit(lines: list[str]) -> list[str]:
        table = _criterion_table(lines, name)
        first = _key_line(lines, table, "one_of")
        last = next(number for number in range(first, table.end) if _is_closed(lines[first : number + 1]))
        return lines[:first] + _written_list("one_of", values) + lines[last + 1 :]

    return _edited(text, edit, change)


def without_bound(text: str, name: str, bound: str) -> str:
    """`text` without `at_least` or `at_most` of a criterion."""

    def change(content: Content) -> None:
        del _criterion(content, name)[bound]

    def edit(lines: list[str]) -> list[str]:
        number = _key_line(lines, _criterion_table(lines, name), bound)
        return lines[:number] + lines[number + 1 :]

    return _edited(text, edit, change)


def with_criterion(text: str, criterion: Mapping[str, Any]) -> str:
    """`text` with one criterion more, after the last one."""

    def change(content: Content) -> None:
        content["definitions"]["icp"]["criteria"].append(dict(criterion))

    def edit(lines: list[str]) -> list[str]:
        tables = [table for table in _tables(lines) if table.header == CRITERIA]
        if not tables:
            raise SettingsError(f"there is no {CRITERIA} to put it after")
        told = ["", CRITERIA]
        for key, value in criterion.items():
            told += _written_list(key, value) if isinstance(value, list) else [f"{key} = {_written(value)}"]
        return lines[: tables[-1].end] + told + lines[tables[-1].end :]

    return _edited(text, edit, change)


def _edited(text: str, edit: Callable[[list[str]], list[str]], change: Callable[[Content], None]) -> str:
    """The text after `edit`, which must say what the content says after `change`."""
    wanted = deepcopy(tomllib.loads(text))
    try:
        change(wanted)
        edited = "\n".join(edit(text.split("\n")))
        is_right = tomllib.loads(edited) == wanted
    except (KeyError, StopIteration, tomllib.TOMLDecodeError):
        is_right = False
    if not is_right:
        raise SettingsError("the settings are written in another form than is edited here; change them by hand")
    return edited


def _criterion(content: Content, name: str) -> Content:
    found: Content = next(one for one in content["definitions"]["icp"]["criteria"] if one["name"] == name)
    return found


def _criterion_table(lines: list[str], name: str) -> _Table:
    for table in _tables(lines):
        if table.header == CRITERIA:
            told = tomllib.loads("\n".join(lines[table.start + 1 : table.end]))
            if told.get("name") == name:
                return table
    raise SettingsError(f"there is no {CRITERIA} of the name {name!r}")


def _tables(lines: Sequence[str]) -> Iterator[_Table]:
    """The tables of the text, in order."""
    headers = [number for number in range(len(lines)) if lines[number].startswith("[") and _is_closed(lines[:number])]
    for start, after in zip(headers, [*headers[1:], len(lines)], strict=True):
        end = after
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        yield _Table(_split_comment(lines[start])[0].strip(), start, end)


def _key_line(lines: Sequence[str], table: _Table, key: str) -> int:
    for number in range(table.start + 1, table.end):
        if re.match(rf"\s*{key}\s*=", lines[number]):
            return number
    raise SettingsError(f"{key} does not stand on a line of its own")


def _is_closed(lines: Sequence[str]) -> bool:
    """Whether every bracket of the lines is closed."""
    code = "\n".join(_split_comment(line)[0] for line in lines)
    bare = re.sub(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', "", code)
    return bare.count("[") == bare.count("]")


def _split_comment(line: str) -> tuple[str, str]:
    """The code of a line, and its comment with the blanks before it."""
    found = re.match(r'((?:"(?:\\.|[^"\\])*"|\'[^\']*\'|[^#"\'])*?)(\s*#.*)?$', line)
    return (found[1], found[2] or "") if found else (line, "")


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _written_list(key: str, values: Sequence[str]) -> list[str]:
    line = f"{key} = [{', '.join(_written(value) for value in values)}]"
    if len(line) <= WIDEST:
        return [line]
    return [f"{key} = [", *(f"    {_written(value)}," for value in values), "]"]
