"""The rules for slugs: `python -m unittest discover -p "check_*.py"`."""

import unittest

from slug import slug


class Slugs(unittest.TestCase):
    """One headline each."""

    def test_words_are_joined(self) -> None:
        assert slug("Spring is here") == "spring-is-here"

    def test_punctuation_is_left_out(self) -> None:
        assert slug("  What's new, 2026?! ") == "what-s-new-2026"

    def test_nothing_gives_nothing(self) -> None:
        assert slug("...") == ""

    def test_accents_are_taken_off(self) -> None:
        assert slug("Crème brûlée à la carte") == "creme-brulee-a-la-carte"

    def test_a_ligature_is_two_letters(self) -> None:
        assert slug("The ﬁrst ofﬁce") == "the-first-office"
