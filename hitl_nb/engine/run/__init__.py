"""Runs in this process: their live code, and what it asks."""
