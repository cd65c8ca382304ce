"""How often chance alone would have it so, once many questions were asked."""

from collections.abc import Sequence


def after_all_looks(chances: Sequence[float | None]) -> list[float | None]:
    """Each p-value after as many looks as there are: Holm (1979, Scand J Stat 6:65). None stays None, and counts not.

    Examples
    --------
    >>> after_all_looks([0.04, None, 0.01, 0.03])
    [0.06, None, 0.03, 0.06]
    """
    known = sorted((chance, place) for place, chance in enumerate(chances) if chance is not None)
    found: list[float | None] = [None] * len(chances)
    least = 0.0
    for nth, (chance, place) in enumerate(known):
        least = max(least, min(1.0, chance * (len(known) - nth)))
        found[place] = least
    return found
