"""Checks of values by agents' patterns and schemas, with bounded cost."""
