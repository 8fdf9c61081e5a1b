"""Notebooks without a browser: execution of a notebook, and identification of a kernel's notebook."""
