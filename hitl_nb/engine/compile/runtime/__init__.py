"""Functions that instrumented code calls."""
