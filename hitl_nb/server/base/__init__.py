"""Parts that all requests use: settings, identity, and threads for the store."""
