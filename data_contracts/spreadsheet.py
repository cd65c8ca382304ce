"""Text that goes into spreadsheets: no cell of it runs as a formula."""

import pyarrow as pa
import pyarrow.compute as pc

_RUNS_AS_FORMULA = r"^[=+\-@\t\r\n]"
_NEGATIVE_NUMBER = r"^-[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def neutralised(cells: pa.Array) -> pa.Array:
    """`cells` (text) with a leading `'` where a spreadsheet would run the cell as a formula.

    Examples
    --------
    >>> neutralised(pa.array(["=1+1", "-0.5", "-0.5+A1", "@name", "B2", None])).to_pylist()
    ["'=1+1", '-0.5', "'-0.5+A1", "'@name", 'B2', None]
    """
    is_formula = pc.and_(
        pc.match_substring_regex(cells, _RUNS_AS_FORMULA),
        pc.invert(pc.match_substring_regex(cells, _NEGATIVE_NUMBER)),
    )
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", cells, ""), cells)
