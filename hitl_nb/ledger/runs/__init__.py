"""Runs: who owns one, its state, its steps, its notebook."""
