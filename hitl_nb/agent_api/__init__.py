"""What an agent's code calls."""
