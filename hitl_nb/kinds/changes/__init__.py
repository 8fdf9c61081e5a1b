"""What differs between a proposed value and its edit, in the terms of the value: words, lines, fields, cells, steps."""
