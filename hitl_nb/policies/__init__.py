"""Review policies: conditions, rules, and their effect on a question. Nothing here reads a file or a store."""
