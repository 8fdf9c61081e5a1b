"""Policy documents (files and mappings): their grammar, the conditions of their rules, and merging."""
