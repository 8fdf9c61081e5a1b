"""Pickling a notebook's objects so that they come back in place."""
