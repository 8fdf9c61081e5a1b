"""What instrumented code calls."""
