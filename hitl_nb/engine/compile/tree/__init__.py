"""The instrumented syntax tree."""
