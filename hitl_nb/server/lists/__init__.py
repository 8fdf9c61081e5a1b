"""Data for lists of proposals that is kept in memory: short texts, changes of drafts, an index of open proposals."""
