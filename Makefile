# `make help` lists what there is. Everything runs in .venv, from locked and hashed dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet --python-version 3.11
.DEFAULT_GOAL := help
.PHONY: help demo test check bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo ## a year of real purchases, from CRM rows to a Maildir, in ./demo
	$(BIN)/handpicked --project demo demo

test: $(VENV)/.test ## the whole test suite
	$(BIN)/python -m pytest

check: $(VENV)/.test ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench ## speeds, as ratios to something a reader knows
	$(BIN)/python -m tests.benchmarks

lock: $(VENV)/.test ## resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	printf 'hatchling\neditables\n' | $(COMPILE) pyproject.toml - --extra demo --extra postgres -o requirements.lock
	printf 'hatchling\neditables\n' | $(COMPILE) pyproject.toml - --extra demo --extra postgres --extra test -o requirements-test.lock
	printf 'hatchling\neditables\n' | $(COMPILE) pyproject.toml - --extra demo --extra postgres --extra test --extra bench -o requirements-bench.lock

clean: ## remove the environment and the demo
	rm -rf $(VENV) demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-test.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-test.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: requirements-bench.lock $(VENV)/.test
	$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@
