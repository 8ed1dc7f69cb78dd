# Everything one types: make setup | run | demo | test | bench | screenshots | lint | format. Setup happens by itself.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# A file's tests one after the other, in our order of files; xdist's own begins the files of the fewest tests last.
FILES := --dist loadfile --no-loadscope-reorder
# Python keeps what it compiled, whoever calls: seven groups of tests with two to five processes each read the same files.
export PYTHONDONTWRITEBYTECODE :=
# Tests that need nothing but Python.
PLAIN := not processes and not sshd and not lab and not browser
# What only `make test-all` runs: it takes too long to be built and run each time.
SELDOM := series_before or seed_era or conformance or seldom
# Network plugins whose images the lab can build, by their names.
NETWORKS := $(subst _,-,$(basename $(notdir $(wildcard tests/lab/networks/[a-z]*.py))))
# Where CI is "true", a missing sshd, lab or browser is a failure; elsewhere those tests skip and say why.

.PHONY: help setup run demo lint format bench screenshots test test-tools test-fast coverage test-thorough test-processes \
	test-postgres lab test-lab test-browser test-all test-series-before test-seed-era test-seldom test-networks \
	conformance conformance-smoke lock

help:
	@echo "make run           start Slipway at http://127.0.0.1:8000/ (neither root nor Debian is needed)"
	@echo "make demo          the same with three practice machines (root, Debian 12)"
	@echo "make test          the checks and tests but the longest; as root on Debian it installs what they need"
	@echo "make test-all      the same, with all of upstream's conformance tests, Kubernetes 1.36.3 and 1.20.2: hours"
	@echo "make test-fast     the plain tests that need nothing but Python, in less than a minute"
	@echo "make coverage      the same, and how much of the product they reach"
	@echo "make test-thorough the heavy ones of these: sizes, measured times, every page with every value"
	@echo "make test-lab      the tests that need the lab's machines, from the wizard to a cluster that loses some"
	@echo "make test-browser  the tests of the pages, which need Chromium"
	@echo "make conformance   install a cluster, run upstream's conformance tests on it, write docs/conformance.md"
	@echo "make test-networks install clusters with network plugins, run upstream's tests of network policies on them"
	@echo "make bench         measure, and compare with what must be kept; BENCH=document for one subject"
	@echo "make screenshots   take the pictures of docs/screenshots anew (Chromium); SHOTS=clusters for one page"
	@echo "make lock          lock what requirements.txt and requirements-dev.txt name, with its SHA-256 (internet)"
	@echo "make lint format   look at the code; put it in shape"

setup: $(READY)

$(READY): requirements.lock scripts/make-venv
	scripts/make-venv "$(PYTHON)" "$(VENV)"
	@touch $@

# After a change of requirements*.txt; `scripts/lock-requirements .venv/bin/uv --upgrade` takes newer versions of all others.
lock: $(READY)
	scripts/lock-requirements $(BIN)/uv

run: $(READY)
	$(BIN)/python manage.py serve

demo: $(READY)
	scripts/demo $(BIN)/python

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python scripts/find-dead-code
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/codespell
	$(BIN)/python scripts/check-words
	$(BIN)/oxlint static tests/javascript

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screenshots: $(READY)
	$(BIN)/python -m tests.screenshots $(SHOTS)

bench: $(READY)
	$(BIN)/python -m tests.bench $(BENCH)

# In order, cheapest first; each is a make of its own so that -j cannot mix their output and machines.
test: $(READY)
	scripts/install-test-tools
	scripts/with-lab-built "$(MAKE)" lint test-fast test-thorough test-processes test-postgres test-browser
	$(MAKE) --no-print-directory test-lab

test-tools:
	scripts/install-test-tools

test-fast: $(READY)
	$(PYTEST) -q -n 3 -m "not thorough and $(PLAIN)"

# The same tests, and which lines of the product they reach; [tool.coverage.report] has the least that must be reached.
# A target of its own, since measuring makes them slower.
coverage: $(READY)
	$(PYTEST) -q -n 3 --cov --cov-report=term:skip-covered -m "not thorough and $(PLAIN)"

# What is heavy of the same kind: sizes, measured times, every page with every value, many examples.
test-thorough: $(READY)
	$(PYTEST) -q -n 3 -m "(thorough or examples) and $(PLAIN)"

# Processes and real sshds: they wait most of the time, so that more of them than there are cores run beside each other.
test-processes: $(READY)
	$(PYTEST) -q -n 5 $(FILES) -m "(processes or sshd) and not lab and not browser"

# What is kept and told with PostgreSQL and Redis in the place of SQLite and polling; both are thrown away afterwards.
test-postgres: $(READY)
	scripts/with-postgres $(PYTEST) -q -n 2 --reuse-db -m "not sshd and not lab and not browser" \
		tests/models tests/services tests/selectors tests/runs tests/management tests/web

# What the tests of the lab need: the newest series, and upstream's conformance tests of it.
lab: $(READY)
	scripts/build-lab $(BIN)/python conformance

# The whole takes most of an hour and says all the time how far it is; a tenth of it is among the tests of the lab.
conformance: $(READY)
	scripts/build-lab $(BIN)/python conformance
	$(PYTEST) -q -s -m conformance

conformance-smoke: $(READY)
	scripts/build-lab $(BIN)/python conformance
	$(PYTEST) -q -s tests/conformance/test_smoke.py

# Upstream's tests have time limits of their own, so that nothing runs beside them; nor beside what measures outages.
test-lab: $(READY)
	$(PYTEST) -q -n 2 $(FILES) --durations 15 -m "lab and not outages and not ($(SELDOM))" --ignore tests/conformance
	$(PYTEST) -q tests/conformance/test_smoke.py
	$(PYTEST) -q --durations 15 -m "lab and outages and not ($(SELDOM))"

# What takes longest to build and changes least: the series before the newest, and Kubernetes 1.20.2.
test-series-before: $(READY)
	scripts/build-lab $(BIN)/python 1.36
	$(PYTEST) -q -m "series_before"

test-seed-era: $(READY)
	scripts/build-lab $(BIN)/python 1.20
	$(PYTEST) -q -m "seed_era"

test-seldom: $(READY)
	scripts/build-lab $(BIN)/python conformance $(NETWORKS)
	$(PYTEST) -q -m "seldom"

# Each network plugin that the lab can build, on a cluster of its own: traffic, policies, and upstream's tests of these.
test-networks: $(READY)
	scripts/build-lab $(BIN)/python conformance $(NETWORKS)
	$(PYTEST) -q -s tests/networks

test-all: test
	$(MAKE) --no-print-directory test-seldom
	$(MAKE) --no-print-directory conformance
	$(MAKE) --no-print-directory test-series-before
	$(MAKE) --no-print-directory test-seed-era

test-browser: $(READY)
	$(PYTEST) -q -n 2 $(FILES) -m "browser and not lab"
