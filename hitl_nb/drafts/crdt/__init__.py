"""Decoding and validation of Yjs updates."""
