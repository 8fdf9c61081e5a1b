"""The policy files that apply to a notebook or a script."""
