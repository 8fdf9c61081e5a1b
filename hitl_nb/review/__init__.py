"""Review of proposals: decisions, guardrails, policy files, notifications, and texts about proposals for people."""
