"""Reading whole stacks: of a run, of its tasks, of generators and coroutines that wait, and of a run that failed."""
