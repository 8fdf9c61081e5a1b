"""Entry point of `python -m hitl_nb.cli`."""

from __future__ import annotations

from hitl_nb.cli.app import main

if __name__ == "__main__":
    main()
