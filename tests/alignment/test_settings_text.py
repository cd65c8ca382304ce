"""Edits of a settings file's text: only what is asked for changes, and what cannot be edited is refused."""

import tomllib
from pathlib import Path

import pytest

from alignment.settings_text import with_criterion, with_rate, with_values, without_bound, without_criterion
from data_contracts.errors import SettingsError

OURS = (Path(__file__).parents[2] / "config" / "scoring.toml").read_text(encoding="utf-8")

TEXT = """\
# Agreed with sales [2026] "in spring".
[definitions.icp]
fit_boundaries = [0.8, 0.6, 0.4]

[[definitions.icp.criteria]]
name = "size"
attribute = "employees"
at_least = 50    # from fifty
at_most = 999

# What we sell to.
[[definitions.icp.criteria]]
name = "industry"    # the "core" ones [new]
attribute = "industry"
one_of = [
    "Software",      # first
    "Mining [ore]",
]

# Figures.
[targets]
version = "1"

[targets.rates]
mql_to_sql = 0.15    # agreed = 0.2 before
sql_to_customer = 0.3
"""


def changed_lines(before, after):
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_rate_changes_and_its_comment_stays():
    assert changed_lines(TEXT, with_rate(TEXT, "mql_to_sql", 0.103)) == (
        ["mql_to_sql = 0.15    # agreed = 0.2 before"],
        ["mql_to_sql = 0.103    # agreed = 0.2 before"],
    )


def test_a_rate_in_a_table_on_one_line_changes_too():
    text = "[targets]\nrates = { mql_to_sql = 0.15, sql_to_customer = 0.3 }\n"
    assert with_rate(text, "sql_to_customer", 0.25) == text.replace("0.3", "0.25")


def test_a_criterion_goes_with_its_lines_and_no_others():
    after = without_criterion(TEXT, "size")
    assert (
        tomllib.loads(after)["definitions"]["icp"]["criteria"]
        == tomllib.loads(TEXT)["definitions"]["icp"]["criteria"][1:]
    )
    assert changed_lines(TEXT, after)[1] == []
    assert "# What we sell to." in after


def test_values_are_written_anew_on_one_line_where_they_fit():
    after = with_values(TEXT, "industry", ["Software", 'Say "hi"'])
    assert changed_lines(TEXT, after)[1] == ['one_of = ["Software", "Say \\"hi\\""]']
    many = [f"Industry number {n}" for n in range(9)]
    assert '    "Industry number 8",' in with_values(TEXT, "industry", many).splitlines()


def test_a_bound_goes_alone():
    assert changed_lines(TEXT, without_bound(TEXT, "size", "at_most")) == (["at_most = 999"], [])


def test_a_criterion_more_comes_after_the_last_one():
    after = with_criterion(TEXT, {"name": "role", "attribute": "role", "one_of": ["IT"], "at_least": 2.0})
    told = tomllib.loads(after)["definitions"]["icp"]["criteria"]
    assert told[-1] == {"name": "role", "attribute": "role", "one_of": ["IT"], "at_least": 2.0}
    assert after.index('[[definitions.icp.criteria]]\nname = "role"') < after.index("# Figures.")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: without_criterion(text, "region"),
        lambda text: with_values(text, "role and problem", ["IT / Cost"]),
        lambda text: with_values(text, "industry", ["Software"]),
        lambda text: without_bound(text, "company size", "at_least"),
        lambda text: with_criterion(text, {"name": "x", "attribute": "role", "one_of": ["IT"]}),
    ],
)
def test_our_own_settings_file_can_be_edited(edit):
    after = edit(OURS)
    assert tomllib.loads(after) != tomllib.loads(OURS)
    removed, added = changed_lines(OURS, after)
    assert len(removed) + len(added) <= 8


@pytest.mark.parametrize(
    ("text", "edit", "said"),
    [
        (TEXT, lambda text: with_rate(text, "lead_to_mql", 0.1), "there is no rate of lead_to_mql"),
        (TEXT, lambda text: without_criterion(text, "region"), "change them by hand"),
        ("[targets]\n", lambda text: with_rate(text, "mql_to_sql", 0.1), "change them by hand"),
        (
            '[definitions.icp]\ncriteria = [{ name = "size", attribute = "employees", at_least = 5 }]\n',
            lambda text: without_criterion(text, "size"),
            "there is no",
        ),
        (
            '[definitions.icp]\ncriteria = [{ name = "size", attribute = "employees", at_least = 5 }]\n',
            lambda text: with_criterion(text, {"name": "x"}),
            "there is no",
        ),
        (
            '[[definitions.icp.criteria]]\nname = "size"\n"at_least" = 5\nat_most = 9\n',
            lambda text: without_bound(text, "size", "at_least"),
            "does not stand on a line of its own",
        ),
    ],
)
def test_what_is_not_there_or_written_otherwise_is_refused(text, edit, said):
    with pytest.raises(SettingsError, match=said):
        edit(text)


def test_an_edit_that_would_say_something_else_is_refused():
    text = "[targets.rates]\nother_mql_to_sql = { mql_to_sql = 0.5 }\nmql_to_sql = 0.1\n"
    with pytest.raises(SettingsError, match="change them by hand"):
        with_rate(text, "mql_to_sql", 0.2)
