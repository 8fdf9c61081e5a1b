"""Runs, proposals and decisions as records over a store."""
