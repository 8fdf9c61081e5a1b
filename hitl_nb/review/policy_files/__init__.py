"""Policy files (`hitl-policy.toml`) that apply to a notebook or a script: search, reading, and renewal of terms."""
