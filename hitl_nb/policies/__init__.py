"""Review policies: rules that say which questions of an agent need a person's decision, and whose.

`documents/` reads and merges policy files. `rules/` applies the merged policy to a question. `terms/` computes how
votes and deadlines change an open proposal (a question that waits for a decision). No module here reads a file or a
store.
"""
