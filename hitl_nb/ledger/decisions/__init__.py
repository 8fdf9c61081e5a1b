"""Decisions and votes: recording, signing and checking them, and the notifications about them."""
