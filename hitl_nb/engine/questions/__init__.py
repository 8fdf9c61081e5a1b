"""Questions of a run: they are judged by policies, shown to people, and answered."""
