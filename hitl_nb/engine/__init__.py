"""The engine: instruments code, saves the position and state of a run, and continues it in another process."""
