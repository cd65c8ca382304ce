"""Settings that bore another name once: a file of before is told the new name of each."""

from collections.abc import Sequence

RENAMED = {
    "crm.store": "store.folder",
    "definitions.icp.letters": "definitions.icp.fit_boundaries",
    "definitions.learn_from": "definitions.learn_since",
    "definitions.point_rule.activities[].at_most": "definitions.point_rule.activities[].max_points",
}
"""The name of today by the name of before; `[]` stands for every entry of a list."""

MOVED = {
    "definitions.capacity": "capacity is the policy's now: [[policy.teams]] with a name and leads_per_week",
    "definitions.sla": "the time to respond is the policy's now: respond_within_working_hours in [policy], counted in "
    "the working time of [policy.calendar]",
}
"""What is told of a setting that is another kind of thing elsewhere now."""

REMADE = {
    "crm.activity_kinds": "each kind of activity is now declared under its own name, with the CRM's words for it, like "
    '[crm.kinds.page_view] with words = ["Visited Page"], family = "browsing", direction = "inbound" and '
    'phrase = { did = "viewed a page" }',
    "crm.write_back_fields": "this setting is now a table of each field's name = what it holds, like "
    '"Grade__c" = "grade"',
}
"""What is told of a setting that kept its name and is of another kind now."""

_ENTRY = "[]"

Place = Sequence[str | int]
"""Where a setting stands: its keys from the top, a number for an entry of a list."""


def new_place(place: Place) -> tuple[str | int, ...] | None:
    """Where the setting that stood at `place` stands now; None where it was never renamed.

    >>> new_place(("definitions", "point_rule", "activities", 2, "at_most"))
    ('definitions', 'point_rule', 'activities', 2, 'max_points')
    """
    new = RENAMED.get(_pattern(place))
    if new is None:
        return None
    entries = iter([part for part in place if isinstance(part, int)])
    keys = new.replace(_ENTRY, f".{_ENTRY}").split(".")
    return tuple(next(entries) if key == _ENTRY else key for key in keys)


def remade(place: Place) -> str | None:
    """What the setting at `place` is now, where it kept its name and is of another kind; else None."""
    return REMADE.get(_pattern(place))


def moved(place: Place) -> str | None:
    """Where the setting at `place` went, where it is another kind of thing now; else None."""
    return MOVED.get(_pattern(place))


def _pattern(place: Place) -> str:
    """`place` with `[]` for every entry of a list.

    >>> _pattern(("activities", 2, "at_most"))
    'activities[].at_most'
    """
    return ".".join(_ENTRY if isinstance(part, int) else part for part in place).replace(f".{_ENTRY}", _ENTRY)
