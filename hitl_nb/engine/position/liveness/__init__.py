"""Analysis of the variables that the rest of a frame may read. Other variables need not be saved."""
