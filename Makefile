# `make` lists what there is. Everything runs in .venv, which the first command that needs it sets up.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH_INDEX_URL ?=
UV ?= uv
WORKERS ?= 2
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-is-installed
DEVELOPMENT := $(VENV)/.development-is-installed
LOCK := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help setup serve test check format openapi bench lock clean

help: ## List these commands
	@awk 'BEGIN { FS = ":.*## "; print "Fovea: an image classifier'\''s answer, and the reason for it.\n" } \
		/^[a-z]+:.*## / { printf "  \033[1;36mmake %-8s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n%s\n' 'Variables: ARGS="…" goes to the command that is run (make serve ARGS="--port 9000"),' \
		'TORCH_INDEX_URL=… at the first set-up takes PyTorch from another index (see CONTRIBUTING.md).'

setup: $(DEVELOPMENT) ## Make .venv with everything that running and developing need, hashes checked

serve: $(RUNTIME) ## Set up what is missing, then serve on http://127.0.0.1:8000
	@$(BIN)/fovea serve $(ARGS)

test: $(DEVELOPMENT) ## Set up what is missing, then run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: $(DEVELOPMENT) ## Format, lint, types, import rules, OpenAPI drift, container files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/fovea openapi --check
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: $(DEVELOPMENT) ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(RUNTIME) ## Write openapi/openapi.json anew
	$(BIN)/fovea openapi --out openapi/openapi.json

bench: $(RUNTIME) ## Measure what an answer costs here (QUICK=1: in half a minute)
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

lock: ## Write both lock files anew after a change to pyproject.toml (needs uv; ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) --output-file requirements.lock
	$(LOCK) $(ARGS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean: ## Remove .venv and every cache
	rm -rf $(VENV) build dist *.egg-info .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.lock pyproject.toml scripts/install-lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fovea needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	scripts/install-lock $(BIN)/python requirements.lock $(TORCH_INDEX_URL)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.lock
	PIP_QUIET=1 scripts/install-lock $(BIN)/python requirements-dev.lock $(TORCH_INDEX_URL)
	@touch $@
