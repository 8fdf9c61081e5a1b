"""Computation of changes of an open proposal: votes, rights to vote (seats), deadlines (the proposal's timeline)."""
