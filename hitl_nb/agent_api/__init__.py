"""Functions and decorators that the code of an agent calls."""
