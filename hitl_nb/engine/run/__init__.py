"""Runs in this process: start, pause, save, resume, and the connection to the store."""
