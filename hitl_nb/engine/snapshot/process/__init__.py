"""What a run changed of its process."""
