"""Verdict of a merged policy on a question: pass without a person, ask people under terms (who, by when), or block."""
