"""Conversion of Python values to JSON that people can read and edit, and back."""
