"""What requests bring, and what is answered."""
