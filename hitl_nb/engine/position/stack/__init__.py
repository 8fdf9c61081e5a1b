"""The live stack, read; generators, coroutines and tasks as data."""
