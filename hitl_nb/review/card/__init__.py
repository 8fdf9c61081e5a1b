"""What a card shows without scripts: its words, and the HTML of its changes."""
