"""Open proposals: asked, assigned, voted on, moved on by the clock."""
