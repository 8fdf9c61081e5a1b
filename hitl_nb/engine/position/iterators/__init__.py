"""Iterators of Python and of libraries, as data."""
