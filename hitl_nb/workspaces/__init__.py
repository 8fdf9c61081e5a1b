"""Documents that an agent and people write together."""
