"""Notifications: channels, messages, and the process that sends them."""
