# Everything that is run on this project by hand or by CI. Needs Python 3.10 or newer, make, and a Python package index.
# `make setup PYTHON=python3.12` takes another interpreter than the first `python3` on the path.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DEV := $(VENV)/.adjoint-dev
DEMO := $(VENV)/.adjoint-demo
RUN := runs/demo

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# .venv is bound to its folder and to its interpreter, and its stamps hold the folder's name. Where the checkout was copied
# or moved, the interpreter is gone, or PYTHON names another one, SOUND is empty and all of it is made anew.
IDENTITY := -c 'import sys; print(sys.base_prefix, sys.version_info[:2])'
SAME_PYTHON := $(if $(filter file,$(origin PYTHON)),true,[ "$$($(PY) $(IDENTITY))" = "$$($(PYTHON) $(IDENTITY))" ])
SOUND := $(shell $(PY) -c 'import pip' 2>/dev/null && $(SAME_PYTHON) 2>/dev/null && \
  { [ ! -e $(DEMO) ] || [ "$$(cat $(DEMO))" = "$(CURDIR)" ]; } && echo sound)
ifndef SOUND
.PHONY: $(VENV)/pyvenv.cfg $(DEV) $(DEMO)
endif

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "adjoint needs Python 3.10 or newer, and '$(PYTHON)' is not; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "could not make $(VENV); on Debian and Ubuntu the module comes with: apt install python3-venv" >&2; exit 1; }

define install
	@echo "installing adjoint[$(1)] in $(VENV)"
	@$(PY) -m pip install -qq --disable-pip-version-check --no-input --editable '.[$(1)]'
endef

# Extras with a comma between them would be two arguments of `call`.
comma := ,
$(DEV): pyproject.toml | $(VENV)/pyvenv.cfg
	$(call install,dev$(comma)plots)
	@echo "$(CURDIR)" | tee $(DEMO) > $@

$(DEMO): pyproject.toml | $(VENV)/pyvenv.cfg
	$(call install,plots)
	@echo "$(CURDIR)" > $@

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(DEV) ## make .venv and install the project with all development tools in it

.PHONY: demo
demo: $(DEMO) ## train a classifier of handwritten digits, with plots, in runs/demo
	@rm -rf $(RUN)
	$(PY) -m adjoint train --out $(RUN)

# One BLAS thread per worker: the workers already use every core.
.PHONY: test
test: export OPENBLAS_NUM_THREADS = 1
test: export OMP_NUM_THREADS = 1
test: $(DEV) ## run the tests on all cores, with the coverage gate
	$(PY) -m pytest -n auto --cov --cov-report=term

.PHONY: lint
lint: $(DEV) ## check style and formatting
	$(PY) -m ruff check
	$(PY) -m ruff format --check

.PHONY: format
format: $(DEV) ## mend style and formatting
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

.PHONY: types
types: $(DEV) ## check types: strictly in arrays and autograd
	$(PY) -m mypy

.PHONY: contracts
contracts: $(DEV) ## check that rooms import only from floors below their own
	$(VENV)/bin/lint-imports --no-logo

.PHONY: check
check: test lint types contracts ## all that CI does

.PHONY: bench
bench: $(DEV) ## measure speed; TORCH_PYTHON=/path/to/python alternates with torch
	TORCH_PYTHON="$(TORCH_PYTHON)" $(PY) benchmarks/run.py

.PHONY: api-snapshot
api-snapshot: $(DEV) ## record the public names after a change of them
	$(PY) tests/architecture/public_api.py > tests/architecture/public_api.txt

.PHONY: docs
docs: $(DEV) ## write docs/operations.md anew from the registry
	$(PY) tools/operations_table.py
	$(PY) -m tools.derivatives_table

.PHONY: clean
clean: ## remove what the other targets made, except .venv and runs of your own
	rm -rf build dist htmlcov .coverage .coverage.* $(RUN)
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
