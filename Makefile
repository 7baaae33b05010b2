# Every target makes .venv itself when it is missing or older than the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
DATA ?= demo-data
PORT ?= 8077
ENGINES ?= embedded
PLUGIN := grafana-plugin
PICTURE := backend/weft/api/pages/overview/overview.js

.PHONY: setup overview demo test lint bench soak services lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml $(wildcard backend/weft/metrics/*.c)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Weft needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The picture of the fabric on Weft's page. Where npm and Node 20 are missing the page says so, and all else is the same.
overview: $(PICTURE)

$(PICTURE): $(PLUGIN)/package-lock.json $(wildcard $(PLUGIN)/overview/*.* $(PLUGIN)/src/core/*.ts) | $(STAMP)
	@echo "The picture of the fabric on Weft's page is built; the first time, npm fetches what that takes."
	@$(BIN)/python -m tests.services npm run --silent overview -- --stats=errors-only && touch $@ \
	  || echo "Weft's page goes without its picture of the fabric."

# ENGINES=real: on a Neo4j and an Elasticsearch, started for it and gone with it; `make services` installs them.
# The picture is made meanwhile, so that npm does not keep anybody waiting: the page has it when it is loaded again.
demo: setup
	@$(MAKE) --no-print-directory overview &
	$(if $(filter real,$(ENGINES)),$(BIN)/python -m tests.services with neo4j elasticsearch -- )$(BIN)/weft demo --data $(DATA) --port $(PORT)

lint: setup
	$(BIN)/ruff check backend tests
	$(BIN)/ruff format --check backend tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# A machine of CI leaves no test out, so it gets what they need. Two processes take a file of tests each in turn, in the
# order they are found in, with servers of their own.
test: lint $(if $(CI),services) overview
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.services npm run --silent harness

soak: setup overview
	WEFT_SOAK=1 $(BIN)/python -m pytest

services: setup
	$(BIN)/python -m tests.services install

lock:
	uv pip compile pyproject.toml --all-extras --group dev --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -o requirements.lock

clean:
	rm -rf $(VENV) $(PLUGIN)/node_modules $(PLUGIN)/dist $(PLUGIN)/harness/out demo-data build backend/weft/api/pages/overview backend/weft.egg-info backend/weft/metrics/*.so .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
