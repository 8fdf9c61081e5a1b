"""What a policy says about a question."""
