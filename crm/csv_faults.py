"""What is wrong with a CSV file that the engine gives up on: line numbers and counts, and nothing of its content."""

import csv
import gzip
from pathlib import Path
from typing import IO

_BLOCK_BYTES = 1 << 20
_MOST_LINES = 100_000
"""Lines that are looked through for one of another width: more than the engine looks at before it gives up."""

_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


def is_csv(path: Path) -> bool:
    """Whether the file is called as a CSV is."""
    return path.name.lower().endswith(_TEXT_ENDINGS)


def begins_blank(path: Path) -> bool:
    """Whether the first line is blank, so that the engine would take a row of data for the header."""
    with opened(path) as file:
        first = file.readline(_BLOCK_BYTES)
    return first.endswith((b"\n", b"\r")) and not first.removeprefix(b"\xef\xbb\xbf").strip()


def line_ends(path: Path) -> dict[str, int]:
    """How often each kind of line end occurs: `CR LF`, `LF`, `CR`; kinds that do not occur are left out."""
    n_both = n_lf = n_cr = 0
    last = b""
    with opened(path) as file:
        while block := file.read(_BLOCK_BYTES):
            n_both += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            n_lf += block.count(b"\n")
            n_cr += block.count(b"\r")
            last = block[-1:]
    counts = {"CR LF": n_both, "LF": n_lf - n_both, "CR": n_cr - n_both}
    return {kind: n for kind, n in counts.items() if n}


def odd_line(path: Path, *, delimiter: str) -> tuple[int, int, int] | None:
    """The first line with another number of values than the header: its number, the values expected and those found.

    None where there is none among the first lines.
    """
    with opened(path) as file:
        lines = csv.reader((line.decode("utf-8", "replace") for line in file), delimiter=delimiter)
        try:
            expected = len(next(lines, []))
            for row in lines:
                if row and len(row) != expected:
                    return lines.line_num, expected, len(row)
                if lines.line_num > _MOST_LINES:
                    return None
        except csv.Error:
            return lines.line_num, expected, 1
    return None


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
