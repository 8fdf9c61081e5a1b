"""The feed, and the rooms of shared drafts."""
