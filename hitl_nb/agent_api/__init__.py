"""Functions and decorators that an agent's code calls."""
