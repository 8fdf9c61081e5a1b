"""The live code of one run: the frames that are on this process's stack now."""
