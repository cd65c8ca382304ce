"""Prefect flows and the command line: wiring, no formulas."""

import data_contracts as data_contracts  # its import switches telemetry off before Prefect is imported
