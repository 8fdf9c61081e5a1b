"""Context managers that a run is inside of."""
