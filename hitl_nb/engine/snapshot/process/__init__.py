"""Changes that a run made to its process."""
