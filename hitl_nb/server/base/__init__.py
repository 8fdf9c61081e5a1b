"""Parts of the server that all requests use: options, identity of the user, and threads that read the store."""
