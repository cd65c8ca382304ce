"""Raw history in, trusted history and quarantine out. The same expressions check on every engine."""

from data_contracts.check.keep import open_checked
from data_contracts.check.run import check_history

__all__ = ["check_history", "open_checked"]
