"""Snapshots of runs: how the saved state of a paused run is made, signed, checked and loaded."""
