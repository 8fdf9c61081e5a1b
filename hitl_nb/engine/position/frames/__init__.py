"""Saved frames: reading the place of each frame, and building the code that continues it."""
