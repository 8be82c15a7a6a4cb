# Everything a developer and CI do, by one name each. `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CODE   := contracts connectors router
SAY    := @printf '\033[1m==> %s\033[0m\n'

# For example: make test PYTEST='-k line -x'
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check format gen bench upgrade clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install everything into it (quick when already done)

$(STAMP): pyproject.toml deploy/constraints.txt
	$(SAY) "setup: installing into $(VENV), about a minute the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "madoguchi needs Python 3.11 or newer, e.g. make setup PYTHON=python3.12")'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c deploy/constraints.txt -e '.[dev]'
	@touch $@
	$(SAY) "setup: done"

run: setup ## start the whole service here, with a store of its own and a demo configuration
	$(SAY) "run: madoguchi serve --quickstart"
	@$(BIN)/madoguchi serve --quickstart

test: setup ## run every test
	$(SAY) "test: tools beside Python"
	@deploy/test-tools.sh
	$(SAY) "test: pytest"
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(PYTEST)

check: setup ## lint, format, types, layers
	$(SAY) "check: ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(SAY) "check: mypy --strict"
	@$(BIN)/mypy $(CODE)
	$(SAY) "check: layers"
	@$(BIN)/lint-imports --no-logo

format: setup ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

gen: setup ## write again what is generated: schemas, AsyncAPI, OpenAPI, reference pages
	$(SAY) "gen: madoguchi gen"
	@$(BIN)/madoguchi gen

bench: setup ## measure beside the limits of this machine
	$(SAY) "bench: python -m tests.bench"
	@$(BIN)/python -m tests.bench

upgrade: setup ## take the newest versions of everything and pin them
	$(SAY) "upgrade: newest versions into deploy/constraints.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager -e '.[dev]'
	@{ echo "# Versions that were tested together. Written by: make upgrade"; $(BIN)/python -m pip freeze --exclude-editable; } > deploy/constraints.txt
	@touch $(STAMP)
	@git --no-pager diff --stat -- deploy/constraints.txt

clean: ## remove what the other targets made (never data/)
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage
	@find $(CODE) tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	$(SAY) "clean: done"
