# `make run` brings everything up, `make test` tests it. Needs Python 3.11 or newer, make and git.
.DEFAULT_GOAL := help
.PHONY: help run demo pictures test chaos check bench compose compose-test format protos lock clean

PYTHON ?= python3
VENV := .venv
CODEGEN := .venv-codegen
BIN := $(VENV)/bin
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## everything, from nothing: databases, bus, services; until Ctrl-C
	@exec $(BIN)/taskbell dev $(ARGS)

demo: $(VENV)/.run ## the main job end to end on a throw-away stack, with a transcript
	@exec $(BIN)/taskbell demo $(ARGS)

pictures: $(VENV)/.test ## the pictures of the web page in docs/ (needs Chromium)
	$(BIN)/python -m tests.browser.pictures

test: $(VENV)/.test ## the whole test suite, on real servers
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/compose $(ARGS)

chaos: $(VENV)/.test ## workers, services and servers killed all the time, for longer than the tests do
	TASKBELL_CHAOS_JOBS=$${TASKBELL_CHAOS_JOBS:-50000} TASKBELL_CHAOS_TASKS=$${TASKBELL_CHAOS_TASKS:-2000} \
	  TASKBELL_CHAOS_SECONDS=$${TASKBELL_CHAOS_SECONDS:-600} $(BIN)/pytest tests/chaos --timeout 3600 -s $(ARGS)

# What it looks for stands in deno.jsonc. It fetches nothing.
DENO := DENO_DIR=$(VENV)/deno DENO_NO_UPDATE_CHECK=1 $(BIN)/deno
SCRIPTS := gatewaysvc/web gatewaysvc/docs
check: $(VENV)/.bench $(CODEGEN)/.done ## format, lint, types, imports, protos, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(DENO) lint --quiet $(SCRIPTS)
	$(DENO) check --quiet $(SCRIPTS)
	$(BIN)/python protos/generate.py --codegen $(CODEGEN) --check
	$(BIN)/python protos/generate.py --codegen $(CODEGEN) --image $(VENV)/image.binpb
	$(BIN)/buf lint $(VENV)/image.binpb --config buf.yaml
	$(BIN)/buf breaking $(VENV)/image.binpb --against protos/released.binpb --config buf.yaml

bench: $(VENV)/.bench ## the benchmarks, with their peers in the same run
	$(BIN)/python -m bench $(ARGS)

compose: ## the whole system in containers (needs Docker)
	docker compose -f compose/compose.yaml up --build --wait $(ARGS)

compose-test: $(VENV)/.test ## the containers under load, killed, cut off, scaled (needs Docker)
	$(BIN)/pytest tests/compose $(ARGS)

format: $(VENV)/.test ## formats and fixes what a machine can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: $(VENV)/.test $(CODEGEN)/.done ## generates the code from protos/
	$(BIN)/python protos/generate.py --codegen $(CODEGEN)

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11
lock: $(VENV)/.uv ## locks the dependencies with hashes
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/codegen.in -o requirements/codegen.txt
	$(COMPILE) requirements/edge.in -o requirements/edge.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra test -o requirements/test.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra bench -c requirements/test.txt -o requirements/bench.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra dev -c requirements/test.txt -o requirements/run.txt
	for service in tasksvc notifysvc gatewaysvc cli; do \
	  $(COMPILE) pyproject.toml --extra $$service -c requirements/test.txt -o requirements/$$service.txt || exit 1; done

clean: ## removes the environments and the development data
	rm -rf $(VENV) $(CODEGEN) .taskbell

# --- environments: made once, and again when a lock changes ---

# The machine's own certificates: there may be a proxy with one of its own.
UV := UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_SYSTEM_CERTS=1
INSTALL := $(UV) VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet

$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Taskbell needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is incomplete here; on Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.uv requirements/run.txt pyproject.toml
	@echo "Installing the locked dependencies..."
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	@$(INSTALL) --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.test requirements/bench.txt
	@$(INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

$(CODEGEN)/.done: $(VENV)/.uv requirements/codegen.txt
	@$(PYTHON) -m venv --without-pip $(CODEGEN)
	@$(UV) VIRTUAL_ENV=$(CODEGEN) $(BIN)/uv pip install --quiet --require-hashes -r requirements/codegen.txt
	@touch $@
