"""Context managers of the `with` blocks that a run is inside of when it pauses."""
