"""Rules of a policy, applied to a question."""
