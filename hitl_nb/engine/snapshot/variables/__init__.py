"""Selection of the variables, definitions and modules that a snapshot holds."""
