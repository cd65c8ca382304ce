"""Where history lives: one file an engine. Each keeps, reads and streams tables behind Ibis and means the same by it."""
