# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# All checks of this repository. They need only make and Python 3.11 to 3.14 with venv. The rehearsal needs more, and prints
# what is missing.
#
#   make test                              all checks, as in CI
#   make units ARGS="-k verdict -x"        arguments for pytest
#   make PYTHON=/path/to/python3.13 test   with another Python, in a separate environment
#   make V=1 molecule                      all output, also of checks that pass

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup lint units integration coverage sanity molecule build docs static rehearsal test-matrix matrix-setup \
  beside test demo rolls pictures options simulate every-path mutants matrix bench scale fuzz clean release-tools

PYTHON ?=
VENV ?= .venv$(addprefix -,$(notdir $(PYTHON)))
ARGS ?=
V ?=

# No target needs an activated environment. Ansible finds the collection by a link in .cache, which setup creates. The
# emulator is run with python -m rocketchat_emulator.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache
export PYTHONPATH := $(CURDIR)/.cache:$(CURDIR)/tests/emulator
export PYTHON V
export NO_COLOR := 1
# Compiling the same files again for each process takes a third of the time of some tests.
unexport PYTHONDONTWRITEBYTECODE
# Most of the installed files are never imported. Python compiles the others at their first import.
export PIP_COMPILE := 0

COLLECTION := .cache/ansible_collections/rocketops/rocketchat
TESTS := ansible_collections.rocketops.rocketchat.tests
QUIET := tests/tools/quiet.sh
TIMED = TIMEFORMAT="   %0R s"; time $(MAKE) --no-print-directory ARGS=

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

setup: ## create the environment for development and tests in .venv
	@tests/tools/setup.sh $(VENV) tests/requirements.txt

lint: setup ## style, words, types, YAML, shell scripts, playbooks, changelog
	@ruff check --quiet
	@ruff format --check --quiet || { ruff format --diff --quiet; exit 1; }
	@python -m $(TESTS).tools.words
	@mypy --no-error-summary $(addprefix $(COLLECTION)/,plugins tests $(wildcard extensions/eda/plugins))
	@yamllint --strict .
	@shellcheck .ci/run tests/tools/*.sh tests/rehearsal/*.sh tests/rehearsal/*/*.sh $(wildcard tests/demo/run)
	@$(QUIET) ansible-lint --offline --strict
	@antsibull-changelog lint

units: setup ## unit tests
	@python -m pytest tests/unit --numprocesses=3 $(ARGS)

# Most of these tests wait most of the time. Tests that share a cluster started by a fixture run in the same process.
integration: setup ## tests with real processes: fault matrix, rolls, emulator, simulation, report, event source
	@python -m pytest '--ignore-glob=tests/unit/*' --numprocesses=6 $(ARGS)

coverage: setup ## unit tests, and which part of plugins/ they run
	@python -m coverage erase
	@python -m coverage run -m pytest tests/unit --numprocesses=3 $(ARGS)
	@tests/tools/coverage.sh

# The tests are checked by mypy and ruff instead of pylint, which takes ten times as long.
sanity: setup ## ansible-test sanity, without an ignore file
	@$(QUIET) python tests/tools/sanity.py --skip-test pylint $(ARGS)
	@$(QUIET) python tests/tools/sanity.py --test pylint --exclude tests/ --exclude extensions/molecule/

molecule: setup ## scenarios against the emulator
	@$(QUIET) molecule test --all $(ARGS)

build: setup release-tools ## build the collection, install it, read its documentation, import it as Galaxy does
	@$(QUIET) tests/tools/build.sh

docs: setup release-tools ## the documentation site, in .cache/docs/html
	@PATH="$(CURDIR)/.venv-release/bin:$$PATH" $(QUIET) tests/tools/docs.sh

release-tools:
	@tests/tools/setup.sh .venv-release tests/requirements-release.txt

test-matrix: setup ## unit tests, sanity and a roll with other releases of ansible-core; modules on Python 3.9
	@tests/tools/matrix.sh $(ARGS)

matrix-setup: setup
	@tests/tools/matrix.sh setup

rehearsal: setup ## rolling deployments on separate machines (containers); needs root
	@tests/rehearsal/needs.sh
	@python -m $(TESTS).rehearsal $(ARGS)

# The rehearsal waits a third of the time. Beside it run the checks that start no cluster, and then the others. The unit
# tests run in coverage. Checks without time limits have the lowest priority. The integration tests come last, so that
# their summary is the last line.
static: coverage
	@nice -n 19 $(MAKE) --no-print-directory sanity lint build docs

beside: static matrix-setup
	@$(MAKE) --no-print-directory test-matrix molecule

test: ## all of the above
	@$(MAKE) --no-print-directory --jobs=2 setup release-tools
	@if [ -n "$${REHEARSAL_REQUIRED:-}" ] || tests/rehearsal/needs.sh; \
	  then $(TIMED) --jobs=3 --output-sync rehearsal beside; \
	  else echo "All other checks are run."; $(TIMED) --jobs=2 --output-sync beside; fi
	@$(TIMED) integration

demo: ## rolling updates of an emulated cluster
	@tests/tools/setup.sh $(VENV) tests/requirements-demo.txt
	@tests/demo/run

rolls: setup ## record two rolls of an emulated cluster, for the tests of the report
	@python -m $(TESTS).report.record

pictures: setup ## take the README's pictures of the reports of these rolls; needs Chromium
	@python -m $(TESTS).report.pictures

options: setup ## write the files that repeat the options: argument specs and tasks of the role, schema of the event source
	@python -m $(TESTS).tools.generate

simulate: setup ## run 100,000 simulated deployments with new seeds; adds to docs/simulation.md
	@python -m $(TESTS).simulation --write docs/simulation.md $(ARGS)

every-path: setup ## run every path of a roll of small clusters, in minutes; writes docs/rollout_paths.md
	@python -m $(TESTS).simulation.every_path --write docs/rollout_paths.md

mutants: setup ## break the judgement on purpose, and see which test fails; writes docs/mutants.md
	@python -m $(TESTS).simulation.mutants | tee docs/mutants.md

matrix: setup ## run every fault in every way to use the collection; writes docs/fault_matrix.md
	@python -m $(TESTS).surfaces

bench: setup ## compare the collection with the usual tasks; writes docs/performance.md (ARGS="--only one_task")
	@python -m $(TESTS).bench $(ARGS)

scale: setup ## run a roll of fifty hosts, with gates and without; writes docs/scale.md
	@python -m $(TESTS).scale $(ARGS)

fuzz: ## test random answers for five minutes (ARGS=-max_total_time=3600: an hour); adds to tests/fuzz/found.jsonl
	@tests/tools/setup.sh .venv-fuzz tests/requirements-fuzz.txt
	@.venv-fuzz/bin/python -m $(TESTS).fuzz -max_total_time=300 $(ARGS)

clean: ## remove everything that make has created
	rm -rf .ansible .cache .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .venv* tests/output
	find . -name __pycache__ -prune -exec rm -rf {} +
