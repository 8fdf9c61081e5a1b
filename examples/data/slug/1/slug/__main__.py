"""`slug HEADLINE` prints the slug of a headline; `slug --version` the version."""

import sys

from slug import __version__, slug


def main() -> None:
    words = sys.argv[1:]
    print(__version__ if words == ["--version"] else slug(" ".join(words)))


if __name__ == "__main__":
    main()
