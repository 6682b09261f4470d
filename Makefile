# Every verb works from plain python3 and make; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The wheel's Node serves where the machine has none of its own.
export PATH := $(PATH):$(abspath $(BIN))

.PHONY: demo test install check bench faults soak run lock

demo: $(VENV)/.runtime
	$(BIN)/qunyun demo

run: $(VENV)/.runtime
	$(BIN)/qunyun run

install: $(VENV)/.development tests/gateway/node_modules/.installed

test: install
	$(BIN)/python -m pytest

check: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.development: requirements-dev.lock pyproject.toml | $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# The node gateway that contract tests talk to; no package may run a script at installation.
tests/gateway/node_modules/.installed: tests/gateway/package-lock.json | $(VENV)/.development
	cd tests/gateway && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
