"""The asyncio part of a run's state: tasks, futures, locks, queues, context variables, the order of the next steps."""
