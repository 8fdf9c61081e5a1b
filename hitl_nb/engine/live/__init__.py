"""The live code of one run, on this process's stack."""
