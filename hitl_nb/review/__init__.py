"""Review of proposals: decisions, guardrails, timelines, and texts about them."""
