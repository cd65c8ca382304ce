"""No dependency reports home unless the user asks it to."""

import os

SWITCHED_OFF = {
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""What keeps Prefect, MLflow and Great Expectations quiet. A variable that is already set is respected."""


def switch_off() -> None:
    """Set every variable of `SWITCHED_OFF` that is not set. Libraries read them on import, so this comes first."""
    for name, value in SWITCHED_OFF.items():
        os.environ.setdefault(name, value)
