"""What recorded calls are named, in every try of a run."""
