"""Shared drafts, which people and agents write at once."""
