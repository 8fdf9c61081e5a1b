"""The position of a run as data: frames read from the live stack, and functions that continue them."""
