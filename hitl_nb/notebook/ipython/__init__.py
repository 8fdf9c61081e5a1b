"""Agent cells in a kernel."""
