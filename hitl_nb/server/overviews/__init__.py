"""Contents of lists and overviews: pages of proposals, counts of the inbox's views, states of runs."""
