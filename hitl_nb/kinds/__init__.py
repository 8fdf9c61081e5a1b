"""What each kind of proposed value is."""
