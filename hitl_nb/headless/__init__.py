"""Notebooks without a browser: running one, and which one a kernel runs."""
