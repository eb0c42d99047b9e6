# Fovea's commands. `make` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
LOCK := requirements-dev.lock
PEERS_STAMP := $(VENV)/.peers
PEERS_LOCK := requirements-bench.lock
QUICK ?=
ROOM ?=
FULL ?=
# The CPU wheel index that PyTorch's "Get Started" page gives; empty takes PyTorch from the usual index.
TORCH_INDEX_URL ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# One thread for each of two workers; compiled tests stay on disk; freed memory goes back to the system (as `serve` does).
PYTEST = env -u PYTHONDONTWRITEBYTECODE FOVEA_TEST_FULL=$(FULL) OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE \
	MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1048576 $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help setup serve test quick check format openapi docs pictures clients bench clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  \033[36mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with everything locked; the other commands do it themselves

$(STAMP): $(LOCK) pyproject.toml
	@echo "Setting up $(VENV): a few minutes, the first time"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fovea needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@PIP=$(BIN)/pip scripts/install.sh $(LOCK) "$(TORCH_INDEX_URL)"
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

serve: setup  ## start the service on http://localhost:8000 with its shipped models
	@$(BIN)/fovea serve

test: setup  ## run all tests (ROOM=explain: those of one package; FULL=1: with all samples)
	@$(PYTEST) $(if $(ROOM),tests/$(ROOM))

quick: setup  ## run the tests that need no browser, server, training or matrix
	@$(PYTEST) -m "not heavy and not slow" $(if $(ROOM),tests/$(ROOM))

check: setup  ## formatting, lint, types, layers, API description, tables of the docs, container files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/fovea openapi --check
	$(BIN)/python -m docs.generate --check
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@scripts/check_viewer.sh

format: setup  ## put the code into its standard form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@scripts/check_viewer.sh format

openapi: setup  ## write openapi/openapi.json
	$(BIN)/fovea openapi --out openapi/openapi.json

docs: setup  ## write the tables of docs/methods.md
	$(BIN)/python -m docs.generate

pictures: setup  ## draw the pictures of docs/
	$(BIN)/python docs/draw.py
	$(BIN)/python docs/shoot.py

$(PEERS_STAMP): $(PEERS_LOCK) $(STAMP)
	@PIP=$(BIN)/pip scripts/install.sh $(PEERS_LOCK) "$(TORCH_INDEX_URL)"
	@touch $@

clients: setup  ## install the generators of clients that tests/clients runs
	@PYTHON=$(BIN)/python scripts/install_clients.sh

bench: $(PEERS_STAMP)  ## measure against the peers (QUICK=1: under three minutes)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

clean:  ## remove what the other commands made
	rm -rf $(VENV) node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
