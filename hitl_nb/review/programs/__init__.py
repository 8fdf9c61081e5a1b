"""The public functions for programs that review: list open proposals, store a decision, and wait for one."""
