"""Saving iterators of Python and of libraries: each is reduced to its source and its position."""
