"""WebSockets: the live feed, and the rooms in which browsers edit shared drafts."""
