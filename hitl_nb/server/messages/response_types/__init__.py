"""The structs that the REST API encodes as its responses, by topic. OpenAPI is made from them."""
