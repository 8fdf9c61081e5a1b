"""Objects that are opened again in place of being saved."""
