"""Changes that a run made to its process, such as the working directory, random generators and library options."""
