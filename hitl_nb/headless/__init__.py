"""Notebooks without a browser: execution of a notebook, and search for the notebook that a kernel runs."""
