# Everything one does here has one word. `make` alone lists them.
# Portable to GNU make 3.81, which is what macOS has.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.SUFFIXES:

# --- Use it -------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.installed assets  ## Serve files (settings: STRONGROOM_* in the environment, or ARGS="...")
	@exec $(BIN)/strongroom serve $(ARGS)

# --- Work on it ---------------------------------------------------------------------------------------

# Three tests at a time, since many wait; those of one file in one process since they may share a server.
# In the order of collection, where the slow ones come first: else one process waits for them at the end.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(VENV)/.developed assets  ## Run the tests (choose with PYTEST_ARGS="-k upload")
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: soak
soak: $(VENV)/.developed assets  ## Try every single byte, kill more often, append more
	@STRONGROOM_SOAK=1 $(BIN)/python -m pytest --timeout 0 \
		tests/fault/test_tamper_matrix.py tests/fault/test_kill.py tests/fault/test_import.py \
		tests/fault/test_many_appenders.py tests/fault/test_mixed_load.py tests/fault/test_stop.py \
		tests/fault/test_log_file.py tests/fault/test_seal_kill.py tests/fault/test_tamper_sealed.py \
		tests/fault/test_tamper_pruned.py tests/fault/test_prune_kill.py \
		tests/fault/test_forget_kill.py tests/fault/test_forget_tamper.py tests/unit/privacy \
		tests/fault/test_shipping.py tests/fault/test_shipping_daemons.py tests/unit/shipping \
		tests/unit/search/test_generated.py tests/contract tests/unit/files/test_purging.py \
		tests/fault/test_backup.py tests/unit/query/test_against_naive.py tests/unit/test_bundle.py tests/e2e

.PHONY: lint
lint: $(VENV)/.developed  ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(VENV)/.developed  ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: audit
audit: $(VENV)/.developed  ## Compare the pinned dependencies with published vulnerabilities
	@$(PIP) install --constraint constraints.txt --group audit
	@.ci/audit

.PHONY: fuzz
fuzz: $(VENV)/.developed  ## Fuzz the parsers at length
	@STRONGROOM_FUZZ_EXAMPLES=$${STRONGROOM_FUZZ_EXAMPLES:-100000} $(BIN)/python -m pytest --timeout 0 tests/fuzz

.PHONY: bench
bench: $(VENV)/.developed assets  ## Measure speed
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: docs
docs: $(VENV)/.installed  ## Write the generated reference pages anew
	@$(BIN)/python -m docs.generate

.PHONY: screenshots
screenshots: $(VENV)/.developed assets  ## Take the pictures in the README anew (needs Chromium)
	@$(BIN)/python -m docs.screenshots

.PHONY: assets
assets: $(VENV)/.installed  ## Bundle the scripts and style sheets, if their sources changed
	@$(BIN)/python frontend/build.py --install-node

.PHONY: hooks
hooks: $(VENV)/.developed  ## Let git run the checks at each commit
	$(BIN)/pre-commit install

.PHONY: constraints
constraints: $(VENV)/.created  ## Pin the newest versions that pyproject.toml allows
	$(PIP) install --group pins
	$(BIN)/uv --quiet pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--upgrade --custom-compile-command "make constraints" --output-file constraints.txt

.PHONY: clean
clean:  ## Remove everything that make made (files served from ./strongroom-data stay)
	$(PYTHON) frontend/build.py --clean
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- The virtual environment: each stamp says what is in it -------------------------------------------

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Strongroom needs Python 3.11 or newer, which "$(PYTHON)" is not. Name one: make PYTHON=python3.12' >&2; \
		exit 1; }
	@echo 'Creating $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install 'pip>=25.1'  # the first to know dependency groups
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt hatch_build.py
	@echo 'Installing Strongroom into $(VENV) ...'
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.developed: $(VENV)/.installed
	@echo 'Installing the tools for tests and checks ...'
	@$(PIP) install --constraint constraints.txt --group dev
	@touch $@
