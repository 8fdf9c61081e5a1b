"""What a run asks: judged, asked, answered."""
