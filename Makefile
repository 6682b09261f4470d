# Every verb works from plain python3 and make; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VENDOR := bot/console/static/vendor/.installed
# The wheel's Node serves where the machine has none of its own.
export PATH := $(PATH):$(abspath $(BIN))

.PHONY: demo test browser runtime install check bench faults soak run lock fonts

demo: $(VENV)/.runtime $(VENDOR)
	$(BIN)/qunyun demo

run: $(VENV)/.runtime $(VENDOR)
	$(BIN)/qunyun run

# What `qunyun run` needs, without the tools of development.
runtime: $(VENV)/.runtime $(VENDOR)

install: $(VENV)/.development $(VENDOR) tests/gateway/node_modules/.installed tests/browser/node_modules/.installed

test: install
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The console in Debian's Chromium (packages chromium and fonts-noto-cjk).
browser: install
	QUNYUN_REQUIRE=chromium $(BIN)/python -m pytest tests/browser

check: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Every bench, each result kept in var/bench, docs/benchmarks.md written from them; interrupted, it goes on where it
# stopped: `make bench`, then what takes long `make bench APART=1`; `make bench QUICK=1` only shows that all of it works.
bench: install
	$(BIN)/qunyun bench all $(if $(QUICK),--quick --out var/bench.md) $(if $(APART),--apart) $(foreach file,$(CORPUS),--corpus $(file))

# The long form of what the suite does briefly: many more orders of arrival, kills again and again.
faults: install
	QUNYUN_SHUFFLES=1000 $(BIN)/python -m pytest tests/journeys/test_ingest.py -k any_order
	for round in 1 2 3 4 5; do \
	  $(BIN)/python -m pytest tests/contracts/test_wechaty_faults.py tests/journeys/test_first_day.py || exit 1; \
	done
	QUNYUN_LIVES=2000 $(BIN)/python -m pytest tests/journeys/test_outbox_machine.py
	QUNYUN_EXAMPLES=200 $(BIN)/python -m pytest tests/console/test_schema.py
	QUNYUN_FAULTS=long $(BIN)/python -m pytest tests/faults
	for round in $$(seq 20); do \
	  $(BIN)/python -m pytest tests/faults || exit 1; \
	done

# A fleet of three processes, three gateways and 300 rooms, harmed all the time, then counted:
# `make soak MINUTES=3`, with a NATS stream `make soak STREAM=1`.
soak: install
	QUNYUN_SOAK_MINUTES=$(or $(MINUTES),30) QUNYUN_SOAK_STREAM=$(STREAM) $(BIN)/python -m tests.soak

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

# The rules of accessibility that the browser journeys bring along.
tests/browser/node_modules/.installed: tests/browser/package-lock.json | $(VENV)/.development
	cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

# What the console's pages load; a machine without npm gets the wheel's with the development tools.
$(VENDOR): bot/console/package-lock.json bot/console/vendor.mjs | $(VENV)/.runtime
	command -v npm > /dev/null || $(MAKE) $(VENV)/.development
	cd bot/console && npm ci --ignore-scripts --no-audit --no-fund --silent && node vendor.mjs && rm -r node_modules
	touch $@

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# The letters of the digests' cards, from Debian's fonts-noto-cjk; made once and committed.
fonts: $(VENV)/.development
	$(BIN)/python .ci/fonts
