"""Checks by agents' patterns and schemas, with bounded cost."""
