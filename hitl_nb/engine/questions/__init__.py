"""Questions of a run: judged by policies, asked of people, answered."""
