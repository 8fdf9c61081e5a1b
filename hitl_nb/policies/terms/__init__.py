"""What happens to an open proposal: votes, seats, the clock."""
