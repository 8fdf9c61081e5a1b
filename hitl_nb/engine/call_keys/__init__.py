"""Names of recorded calls, equal in every try of a run."""
