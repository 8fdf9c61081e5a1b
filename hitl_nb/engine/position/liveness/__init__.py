"""Which variables the rest of a frame may read."""
