"""What lists and overviews show: pages of proposals, counts of the inbox's views, states of runs."""
