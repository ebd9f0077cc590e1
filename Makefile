# `make help` lists what can be made. Every target works from a fresh clone: it first makes .venv current.

BIN := .venv/bin
CURRENT := .venv/.current
# Newest last: what is verified daily comes first.
PYTHONS := $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python
CHECKED := refjs sim models tests benchmarks

.PHONY: help test demo lint format types imports matrix matrix-check bench compiled nightly notebooks readme-check \
	constraints clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

test: $(CURRENT) ## run the tests (all but the slow ones)
	@echo "==> tests"
	@$(BIN)/python -m pytest -n 2 -m "not slow"

demo: $(CURRENT) ## show it: server and client, a cluster losing its leader, the oracle's verdicts
	@echo "==> demo"
	@$(BIN)/refjs demo

lint: $(CURRENT) ## ruff: rules and format
	@echo "==> lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(CURRENT) ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(CURRENT) ## mypy --strict
	@echo "==> types"
	@$(BIN)/mypy

imports: $(CURRENT) ## the floors: who may import whom
	@echo "==> import contracts"
	@NO_COLOR=1 $(BIN)/lint-imports --no-logo

matrix: $(CURRENT) ## write docs/matrix.md: requirement x test x vector x model property x profile
	@echo "==> requirement matrix"
	@$(BIN)/python -m tests.matrix

matrix-check: $(CURRENT)
	@echo "==> requirement matrix is current"
	@$(BIN)/python -m tests.matrix --check

bench: $(CURRENT) ## refjs and nats-server side by side
	@echo "==> benchmarks"
	@$(BIN)/python -m benchmarks

compiled: $(CURRENT) ## compile the core with mypyc into build/compiled and run its tests there
	@echo "==> the compiled core"
	@$(BIN)/python -m benchmarks.compile_core --test

nightly: $(CURRENT) ## all tests, the slow ones too, with many more random examples
	@echo "==> all tests, at length"
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q -n 2

notebooks: $(CURRENT) ## execute every notebook into build/notebooks
	@echo "==> notebooks"
	@$(BIN)/python -m tests.notebooks

readme-check: $(CURRENT) ## run the commands of README.md in a fresh clone
	@echo "==> the README's commands, in a fresh clone"
	@$(BIN)/python -m tests.readme_commands

constraints: ## renew constraints.txt from the registries
	@echo "==> newest versions that pyproject.toml allows"
	@rm -rf build/constraints && $(FIND_PYTHON) && "$$python" -m venv build/constraints
	@build/constraints/bin/pip install --quiet -e '.[dev]'
	@{ echo "# What CI and the Makefile install: written by \`make constraints\` from a fresh install of .[dev]."; \
	  build/constraints/bin/pip freeze --all --exclude-editable | grep -v '^pip=='; } > constraints.txt
	@rm -rf build/constraints

clean: ## remove what was built; the sources stay
	rm -rf .venv build demo *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------------------------------------------

# Sets $python to the first interpreter that will do, or says in one sentence what is missing.
define FIND_PYTHON
python=; for p in $(PYTHONS); do \
  if "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    python=$$p; break; fi; done; \
if [ -z "$$python" ]; then \
  echo "refjs needs Python 3.11 or newer with the venv module (on Debian: apt install python3-venv);" \
    "none found, so name one: make PYTHON=/path/to/python3.11" >&2; exit 1; fi
endef

$(CURRENT): pyproject.toml constraints.txt
	@$(FIND_PYTHON); \
	echo "==> .venv: $$("$$python" --version), and what constraints.txt names (once; about half a minute)"; \
	"$$python" -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
