"""One signed snapshot: made, checked, loaded."""
