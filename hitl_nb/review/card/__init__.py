"""Content of a card without scripts: its words, and the HTML of its changes."""
