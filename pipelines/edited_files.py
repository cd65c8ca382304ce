"""The files that people edit, and the JSON Schema of each: what an editor completes and checks by."""

from enum import StrEnum
from typing import Any


class EditedFile(StrEnum):
    """A kind of file, as the command line calls it."""

    SETTINGS = "settings"
    RESOURCES = "resources"
    REVIEW = "review"


def schema_of(file: EditedFile) -> dict[str, Any]:
    """The JSON Schema of a file of that kind.

    >>> schema_of(EditedFile.REVIEW)["required"]
    ['period', 'of', 'held_on']
    """
    from data_contracts.resources import Resources  # the command line starts fast
    from data_contracts.review_notes import ReviewNotes
    from data_contracts.section import Section
    from data_contracts.settings import Settings

    read_as: dict[EditedFile, type[Section]] = {
        EditedFile.SETTINGS: Settings,
        EditedFile.RESOURCES: Resources,
        EditedFile.REVIEW: ReviewNotes,
    }
    return read_as[file].model_json_schema()
