"""Agent cells in an IPython kernel."""
