"""Decisions from a file, where nobody looks."""
