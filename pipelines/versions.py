"""What is installed: the versions that a report of an odd result has to name."""

import platform
from importlib.metadata import version

LIBRARIES = (
    "numpy", "pandas", "pyarrow", "duckdb", "ibis-framework", "scikit-learn", "lightgbm", "skops",
    "great-expectations", "mlflow", "prefect",
)  # fmt: skip
"""Libraries that compute, keep or check what comes out."""


def versions_text() -> str:
    """The version of lead scoring, of Python and of the libraries that results depend on, one a line."""
    lines = [("leadscore", version("leadscore")), ("python", f"{platform.python_version()} on {platform.platform()}")]
    lines += [(name, version(name)) for name in LIBRARIES]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {number}" for name, number in lines)
