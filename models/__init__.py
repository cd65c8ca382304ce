"""Rows to calibrated probabilities, evaluated and kept."""
