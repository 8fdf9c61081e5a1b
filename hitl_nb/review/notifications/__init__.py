"""Telling people: channels, messages, and the process that sends."""
