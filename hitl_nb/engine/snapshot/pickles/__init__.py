"""Pickling of a notebook's objects, so that shared objects, code and positions are restored correctly."""
