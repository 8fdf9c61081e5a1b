"""Notifications about proposals: the channels of people, the messages, and the process that sends them."""
