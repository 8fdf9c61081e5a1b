"""Shared drafts, which people and agents can edit at the same time."""
