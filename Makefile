# Each target is one command; `make help` lists them. Nothing is installed twice: a stamp remembers what was.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := setup.cfg pyproject.toml requirements.lock

# Another interpreter: make PYTHON=/path/to/python3.12 install
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v $$name; break; fi; done)

.PHONY: help install run test lint format bench accuracy rules words lock clean

help:  ## print this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(VENV)/base.stamp  ## create .venv and install what the daemon needs

run: $(VENV)/base.stamp  ## start a daemon on its embedded server (ARGS="--data-dir D" and so on)
	@exec $(BIN)/python run.py daemon $(ARGS)

test: $(VENV)/test.stamp  ## run the whole suite (ARGS="tests/messages -k codec" and so on)
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/test.stamp  ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/test.stamp  ## put the code into the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --exit-zero .

bench: $(VENV)/bench.stamp  ## measure, with machine, versions and spread beside each number
	@set -e; for program in bench/*bench*.py bench/footprint.py bench/end_to_end.py; do echo "== $$program"; PYTHONPATH=. $(BIN)/python $$program $(ARGS); done

rules: $(VENV)/test.stamp  ## take each rule of the turn out and see its tests fail (ARGS="C2 A1:alone")
	@$(BIN)/python tests/turn/check_rules.py $(ARGS)

accuracy: $(VENV)/bench.stamp  ## compare what is read from real invoices with what they say
	@$(BIN)/python bench/accuracy.py $(ARGS)

words: $(VENV)/base.stamp  ## compile the texts people read (messages/locale)
	@$(BIN)/python deploy/compile_words.py

lock: $(VENV)/bench.stamp  ## write requirements.lock from what is installed now
	@$(BIN)/python deploy/write_lock.py > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:  ## remove .venv and every cache; never data
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed and none was found on PATH (try: make PYTHON=/path/to/python3.12)" >&2; exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) could not make an environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/base.stamp: $(LOCKED) | $(VENV)/bin/python
	@echo "installing the daemon's packages into $(VENV)"
	@$(PIP) install --constraint requirements.lock --editable .
	@touch $@

$(VENV)/test.stamp: $(LOCKED) | $(VENV)/base.stamp
	@echo "installing the test tools into $(VENV)"
	@$(PIP) install --constraint requirements.lock --editable '.[test]'
	@touch $@

$(VENV)/bench.stamp: $(LOCKED) | $(VENV)/test.stamp
	@echo "installing what the benchmarks compare with into $(VENV)"
	@$(PIP) install --constraint requirements.lock --editable '.[test,bench]'
	@touch $@
