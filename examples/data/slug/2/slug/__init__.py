"""Headlines as parts of an address: "Spring is here!" becomes "spring-is-here"."""

import re
import unicodedata

__version__ = "1.0.0"


def slug(headline: str) -> str:
    """Small letters without their accents, and digits, with one hyphen between words."""
    plain = unicodedata.normalize("NFKD", headline)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "-".join(re.findall(r"[a-z0-9]+", letters.lower()))
