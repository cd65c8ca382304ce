"""What was known about a lead at a moment, as one row."""
