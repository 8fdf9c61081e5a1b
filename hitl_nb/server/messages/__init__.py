"""Types of requests and responses, and the JSON of responses."""
