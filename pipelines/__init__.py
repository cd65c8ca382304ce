"""Prefect flows and the command line: wiring, no formulas."""
