"""The command line `hitl-nb`."""
