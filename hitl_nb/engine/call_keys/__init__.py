"""Names of recorded calls. A call has the same name each time that the run executes it, in every process."""
