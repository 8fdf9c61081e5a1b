"""Policy files that apply to a notebook or a script."""
