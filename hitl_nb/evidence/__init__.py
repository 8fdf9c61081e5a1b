"""Evidence: what a question's `context` shows to people. Python values are converted when the question is asked."""
