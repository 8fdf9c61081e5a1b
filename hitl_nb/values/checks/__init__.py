"""Checks of values by patterns and schemas that an agent provides, with bounded time."""
