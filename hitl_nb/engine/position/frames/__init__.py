"""Saved frames: where each is, and the code that continues it."""
