"""Decisions from a file, for tests and CI, where no person decides."""
