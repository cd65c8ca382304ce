"""The nouns, the vocabulary, the settings, and the check that turns raw history into trusted history."""

from data_contracts.telemetry import switch_off

# Every other package imports this one first, so no library is imported before it is told to keep quiet.
switch_off()
