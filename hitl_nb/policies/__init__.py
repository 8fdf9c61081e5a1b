"""Review policies, pure: conditions, rules, and what they make of a question. Nothing here reads a file or a store."""
