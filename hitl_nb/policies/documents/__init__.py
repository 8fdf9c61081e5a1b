"""Policy documents: their grammar, their conditions, and the merged policy."""
