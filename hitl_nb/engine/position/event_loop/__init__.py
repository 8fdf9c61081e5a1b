"""The state of a run inside asyncio (tasks, futures, locks, queues), as data."""
