"""Where history lives: one file an engine. Each keeps, reads and streams tables, and means the same by it."""
