# make test            everything CI runs, closing with pytest's own summary
# make quick           an answer within three minutes: checks of types and style, and most tests that start no other process
# make demo            opens the example in JupyterLab and prints its address
# make demo HEADLESS=1 plays the example's story in the terminal
# make faults          every fault test, the long ones too (an hour; 200 kills); HITL_NB_SEED=n takes other seeds
# make foreign         runs CPython's own tests instrumented and writes docs/reference/foreign-code.md (ten minutes)
# make types           writes the REST API's description and the extension's types of it, after a change of a message
# make docs            builds the documentation in docs/_build/html, warnings are errors (one minute; runs the examples)
# make bench           measures the promises that have numbers (fifteen minutes); JSON=1 prints JSON, ONLY="steps inbox" some
#
# All of it lives in .venv, which is made on first use and brought up to date only when pyproject.toml changed; the
# benchmarks' peers live in .venv-bench and Sphinx in .venv-docs, so that nobody who only tests has to install them, and
# other JupyterLabs that the browser tests look at in .venv-rtc, .venv-jsd and .venv-lab42. ACP and
# AG-UI are tested in .venv-agents.

PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 2>/dev/null))
BIN := .venv/bin
READY := .venv/.ready
QUICK_TESTS := $(filter-out $(addprefix tests/,ui faults cases testing headless notebook server docs cli foreign extend workspaces __pycache__), \
	$(patsubst %/,%,$(wildcard tests/*/)))
# The files whose tests take longest, together more than half of the time. `make test` runs them.
NOT_QUICK := scripted_review $(addsuffix .py,$(addprefix drafts/test_,update) $(addprefix storage/test_,disk) \
	$(addprefix engine/test_,agents_outside cases doubts gathered_calls held inputs own_namespaces process_state \
		readme_table reopened_clients saved_code shared_memory tasks_of_runs workspace) \
	$(addprefix engine/exact/test_,found lifetimes tasks) engine/instrument/test_tools)
NPM_CI := { test node_modules/.package-lock.json -nt package-lock.json || npm ci --silent; }
FRONT := hitl_nb/labextension/package.json
FRONT_SOURCES := $(shell find extension/src extension/style extension/schema -type f) $(wildcard extension/*.json extension/*.mjs)

.PHONY: test quick quick-python quick-extension faults foreign demo types docs bench check check-python check-extension \
	test-extension clean
.DELETE_ON_ERROR:
# Containers often set it. Each of the many processes that tests start would compile hitl_nb anew.
unexport PYTHONDONTWRITEBYTECODE
PARALLEL := $(MAKE) --no-print-directory --jobs=2 --output-sync=target

test: $(READY) .venv/.chromium .venv/.compiler
	@$(PARALLEL) check-python check-extension test-extension
	@$(BIN)/python -m pytest -n 3 --dist worksteal

test-extension: $(READY)
	@cd extension && npm test --silent

quick: $(READY) $(FRONT)
	@$(BIN)/ruff check --quiet && $(BIN)/ruff format --check --quiet
	@$(PARALLEL) quick-python quick-extension

quick-python:
	@HITL_PROGRAMS=20 $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow" $(QUICK_TESTS) \
		$(addprefix --ignore=tests/,$(NOT_QUICK))

quick-extension:
	@$(BIN)/pyright
	@cd extension && npm test --silent

faults: $(FRONT) .venv/.compiler
	@$(BIN)/python -m pytest tests/faults -m "faults_long or not faults_long" -n 2 --dist worksteal

foreign: $(READY)
	@$(BIN)/python -m tests.foreign --page docs/reference/foreign-code.md

check: $(READY) .venv/.chromium .venv/.compiler
	@$(PARALLEL) check-python check-extension

check-python: $(READY)
	@$(BIN)/ruff check --quiet
	@$(BIN)/interrogate hitl_nb tools examples docs
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tools/structure.py
	@$(BIN)/python tools/name_lint.py
	@$(BIN)/python tools/prose_lint.py
	@$(BIN)/python tools/declared_imports.py

# The build goes first: tsc remembers what it looked at.
check-extension: $(FRONT)
	@cd extension && npm run --silent check

types: $(READY)
	@$(BIN)/python tools/write_openapi.py
	@cd extension && npm run --silent types

demo: $(READY) $(FRONT)
ifdef HEADLESS
	@$(BIN)/python examples/demo.py
else
	@$(BIN)/python examples/demo.py --lab
endif

bench: .venv-bench/.ready
	@.venv-bench/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json)

docs: .venv-docs/.ready
	@.venv-docs/bin/sphinx-build -W --keep-going -n -q -b html $(SPHINX) docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

.venv-docs/.ready: pyproject.toml $(READY)
	@test -x .venv-docs/bin/python || $(BIN)/python -m venv .venv-docs
	@echo "Installing hitl_nb and Sphinx into .venv-docs (once) ..." >&2
	@.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

.venv-bench/.ready: pyproject.toml $(READY)
	@test -x .venv-bench/bin/python || $(BIN)/python -m venv .venv-bench
	@echo "Installing hitl_nb and what it is measured against into .venv-bench (once) ..." >&2
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "hitl_nb needs Python 3.11 or newer, and none was found; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hitl_nb needs Python 3.11 or newer, and $(PYTHON) is older; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "cannot make .venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@command -v npm >/dev/null 2>&1 || { echo "hitl_nb's JupyterLab extension is built with Node.js 20 or newer, and no npm was found; install Node.js"; exit 1; }
	@echo "Installing hitl_nb and its tools into .venv, and building its JupyterLab extension (once) ..."
	@(cd extension && $(NPM_CI)) & packages=$$!; \
		SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lab]' \
		&& wait $$packages
	@mkdir -p .venv/share/jupyter/labextensions && rm -rf .venv/share/jupyter/labextensions/hitl-nb && \
		ln -s "$(CURDIR)/hitl_nb/labextension" .venv/share/jupyter/labextensions/hitl-nb
	@touch $@

# What JupyterLab loads, as of the sources.
$(FRONT): $(READY) $(FRONT_SOURCES) extension/package-lock.json
	@cd extension && $(NPM_CI) && \
		PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build >/dev/null
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

# Some fault tests break system calls, with a few lines of C.
.venv/.compiler: $(READY)
	@if command -v cc gcc >/dev/null 2>&1; then :; \
	elif test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing gcc ..."; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev; } \
			>/dev/null || echo "gcc could not be installed; the tests that need a compiler are skipped"; \
	else echo "no C compiler found: the tests that break system calls are skipped (install gcc)"; fi
	@touch $@

clean:
	rm -rf .venv .venv-* .demo docs/_build docs/examples/*.ipynb extension/node_modules extension/lib hitl_nb/labextension .pytest_cache .ruff_cache .hypothesis .import_linter_cache
