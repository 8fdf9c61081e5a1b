"""The bytes of Yjs updates, and which of them may come in."""
