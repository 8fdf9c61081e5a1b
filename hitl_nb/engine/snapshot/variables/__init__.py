"""Which variables, definitions and modules a snapshot holds."""
