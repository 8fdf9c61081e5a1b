"""Documents that people and agents edit: logs of their updates, writes of agents, comments and readers."""
