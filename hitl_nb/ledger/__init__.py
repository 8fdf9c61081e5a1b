"""The records of hitl_nb in a store: runs, proposals, decisions, comments, workspaces and the audit log."""
