"""Changes of a value by an edit, in the terms of the value: words, lines, fields, cells, steps."""
