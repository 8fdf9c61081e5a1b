"""Policy documents: their grammar, conditions, and the merged policy."""
