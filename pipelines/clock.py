"""Times as the rest of the code takes them: UTC without a zone. The only place that reads the clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC).replace(tzinfo=None)


def in_utc(moment: datetime | None) -> datetime | None:
    """`moment` in UTC without its zone; one without a zone is taken as UTC, and None stays None.

    >>> in_utc(datetime.fromisoformat("2026-06-01T00:00:00+02:00"))
    datetime.datetime(2026, 5, 31, 22, 0)
    """
    return moment.astimezone(UTC).replace(tzinfo=None) if moment is not None and moment.tzinfo else moment
