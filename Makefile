# make test            everything CI runs, closing with pytest's own summary
# make demo            opens the example in JupyterLab and prints its address
# make demo HEADLESS=1 plays the example's story in the terminal
#
# All of it lives in .venv, which is made on first use and brought up to date only when pyproject.toml changed.

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 2>/dev/null))
BIN := .venv/bin
READY := .venv/.ready

.PHONY: test demo check clean
.DELETE_ON_ERROR:

test: check
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(READY) .venv/.chromium
	@$(BIN)/ruff check --quiet
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-logo

demo: $(READY)
ifdef HEADLESS
	@$(BIN)/python examples/demo.py
else
	@$(BIN)/python examples/demo.py --lab
endif

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "hitl_nb needs Python 3.11 or newer, and none was found; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hitl_nb needs Python 3.11 or newer, and $(PYTHON) is older; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "cannot make .venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing hitl_nb and its tools into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lab]'
	@touch $@

# The notebook's tests look at it in a real browser: the system's own Chromium, or one named by CHROMIUM.
.venv/.chromium: $(READY)
	@if test -n "$(CHROMIUM)" || command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then :; \
	elif test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing Chromium ..."; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } \
			>/dev/null || echo "Chromium could not be installed; the tests that need a browser are skipped"; \
	else echo "no Chromium found: the tests that need a browser are skipped (install it, or set CHROMIUM=/path)"; fi
	@touch $@

clean:
	rm -rf .venv .demo .pytest_cache .ruff_cache .hypothesis .import_linter_cache
