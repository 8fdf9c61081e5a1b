"""Python values as JSON for people, and back."""
