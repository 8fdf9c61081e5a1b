"""Runs: the process that executes a run (claims), saved states, recorded calls, and the notebook of a run."""
