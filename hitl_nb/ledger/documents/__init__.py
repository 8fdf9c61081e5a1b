"""Logs of shared drafts."""
