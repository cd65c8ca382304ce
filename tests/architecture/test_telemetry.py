"""No dependency reports home by default."""

import os
import re
import subprocess
import sys
from pathlib import Path

from data_contracts.telemetry import SWITCHED_OFF

ROOT = Path(__file__).parents[2]


def test_importing_any_of_our_packages_switches_every_library_s_telemetry_off():
    code = (
        "import os, pipelines; from prefect._internal.analytics import is_telemetry_enabled as is_on; "
        "print(is_on(), os.environ['MLFLOW_DISABLE_TELEMETRY'])"
    )
    environment = {name: value for name, value in os.environ.items() if name not in {*SWITCHED_OFF, "CI"}}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "true"]


def test_a_choice_of_the_user_s_is_respected():
    code = "import data_contracts, os; print(os.environ['DO_NOT_TRACK'])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"DO_NOT_TRACK": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "false"


def test_the_readme_and_prefect_yaml_set_the_same_variables_for_the_servers():
    export = " ".join(f"{name}={value}" for name, value in SWITCHED_OFF.items())
    deployments = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
    for text in ((ROOT / "README.md").read_text(encoding="utf-8"), deployments):
        (line,) = re.findall(r"export (DO_NOT_TRACK=.*)", text)
        assert sorted(line.split()) == sorted(export.split())
    worker = dict(re.findall(r"^        ([A-Z_]+): \"(\w+)\"$", deployments, flags=re.MULTILINE))
    assert worker == SWITCHED_OFF
