"""Objects that are opened again on resume (connections, clients, files), because they cannot be saved."""
