"""The structs that the REST API answers with, by topic. What is sent is made of them, and OpenAPI describes them."""
