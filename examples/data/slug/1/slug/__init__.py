"""Headlines as parts of an address: "Spring is here!" becomes "spring-is-here"."""

import re

__version__ = "1.0.0"


def slug(headline: str) -> str:
    """Small letters and digits, with one hyphen between words."""
    return "-".join(re.findall(r"[a-z0-9]+", headline.lower()))
