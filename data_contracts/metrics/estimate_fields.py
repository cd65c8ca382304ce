"""The columns of a figure in a noun's table: its value, and its interval."""

import pyarrow as pa


def estimate_fields(*names: str) -> list[pa.Field]:
    """The three columns of each figure: its value, and the ends of its 95 % interval, missing where it has none."""
    return [pa.field(f"{name}{end}", pa.float64()) for name in names for end in ("", "_low", "_high")]
