"""Workspaces: documents that an agent or a plain script writes together with people."""
