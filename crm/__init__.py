"""One file per system, reading history and writing scores."""
