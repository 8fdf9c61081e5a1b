"""Keys of the stored records, and functions that read, write and log them."""
