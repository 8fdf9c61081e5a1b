"""Keys of the stored records, functions that read and write the records, and the audit log."""
