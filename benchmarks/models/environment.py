"""The Python environment of the peers: made from `benchmarks/peers.txt` where it is not there yet."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "peers.txt"

INSTALLED = "installed.txt"
"""The file that says from which requirements the environment was made."""

SHOWN = ("lightgbm", "catboost", "scikit-learn", "autogluon.tabular", "xgboost-cpu", "pandas", "numpy")
"""The libraries whose versions belong to the figures."""


def peers_python(folder: Path, *, requirements: Path = REQUIREMENTS) -> Path:
    """The interpreter of the environment in `folder`, which is made where it is absent or of other requirements.

    Raises `subprocess.CalledProcessError` where the libraries cannot be installed.
    """
    python = folder / "bin" / "python"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    made_of = folder / INSTALLED
    if python.exists() and made_of.is_file() and made_of.read_text(encoding="utf-8") == digest:
        return python
    print(f"setting up the peers' environment in {folder} (a few minutes) ...", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(requirements)], check=True, stdout=sys.stderr)
    made_of.write_text(digest, encoding="utf-8")
    return python


def versions_in(python: Path, libraries: Sequence[str] = SHOWN) -> dict[str, str]:
    """The versions of those of `libraries` that the environment of `python` has."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = {d.metadata['Name']: d.version for d in m.distributions()}\n"
        "print(json.dumps({name: found[name] for name in sys.argv[1:] if name in found}))"
    )
    done = subprocess.run([str(python), "-c", code, *libraries], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
