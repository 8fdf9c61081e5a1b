"""Changes of an open proposal: votes, seats, the clock."""
