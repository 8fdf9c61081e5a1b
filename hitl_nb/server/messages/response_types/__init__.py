"""Types of the REST API's responses, one module per topic. The OpenAPI document is made from these types."""
