"""What asyncio holds of a run, as data."""
