# Everything a person does with this checkout. `make` alone lists it. Only Python 3.11 and make are needed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# Some machines tell Python to keep no compiled files: each process would then compile the whole product anew.
unexport PYTHONDONTWRITEBYTECODE

VENV ?= .venv
PORT ?= 8000
# Looked for when an environment is made, and not before.
ifndef PYTHON
PYTHON = $(eval PYTHON := $(shell sh tooling/which_python.sh))$(PYTHON)
endif
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
# A stamp carries the checksum of what it stands for, so a checkout's file times do not matter.
checksum = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
BASE := $(VENV)/.base-$(call checksum,requirements/base.txt)
DEV := $(VENV)/.dev-$(call checksum,requirements/dev.txt)
NODE := node_modules/.installed-$(call checksum,package-lock.json)

# --- use it -------------------------------------------------------------------------------------------------------
.PHONY: help
help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(BASE)  ## the marketplace with demo data on http://127.0.0.1:8000 (PORT= changes it); Ctrl-C stops it
	@exec $(MANAGE) demo --port $(PORT)

.PHONY: demo-reset
demo-reset: $(BASE)  ## the same, started afresh
	@exec $(MANAGE) demo --reset --port $(PORT)

.PHONY: serve
serve: $(BASE)  ## the web server alone, on DATABASE_URL and REDIS_URL or SQLite
	@exec env PORT=$(PORT) $(VENV)/bin/gunicorn marketplace.wsgi:application

.PHONY: worker
worker: $(BASE)  ## the worker: Celery when REDIS_URL is set, else the embedded one
	@if [ -n "$$REDIS_URL" ]; then exec $(VENV)/bin/celery -A marketplace worker --loglevel INFO; \
	else exec $(MANAGE) run_worker; fi

.PHONY: dispatcher
dispatcher: $(BASE)  ## sequencer and doorbell beside Celery workers
	@exec $(MANAGE) run_dispatcher

.PHONY: beat
beat: $(BASE)  ## Celery's clock: sweeps what the doorbell missed
	@mkdir -p var
	@exec $(VENV)/bin/celery -A marketplace beat --schedule var/celerybeat --loglevel INFO

.PHONY: doctor
doctor: $(BASE)  ## what is well, what is not, and the command that repairs it
	@$(MANAGE) doctor

# --- change it ----------------------------------------------------------------------------------------------------
.PHONY: test
test: $(DEV)  ## the whole suite on PostgreSQL and Redis, then on SQLite
	@$(PY) -m tooling.both_engines

.PHONY: test-sqlite
test-sqlite: $(DEV)  ## the suite on SQLite
	@$(PY) -m tooling.both_engines sqlite

.PHONY: test-postgres
test-postgres: $(DEV)  ## the suite on PostgreSQL and Redis
	@$(PY) -m tooling.both_engines servers

.PHONY: test-thorough
test-thorough: $(DEV)  ## the same with many times the examples for every property: a night's work
	@HYPOTHESIS_PROFILE=thorough $(PY) -m tooling.both_engines

.PHONY: concurrency
concurrency: $(DEV)  ## 50 clients × 200 rounds of each race, and 50,000 events with kills, on PostgreSQL (OPTIONS="--rounds 20" for less)
	@$(PY) -m tests.concurrency $(OPTIONS)

.PHONY: fuzz
fuzz: $(DEV)  ## schemathesis on every operation of the API (EXAMPLES= of each, default 100)
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(PY) -m pytest tests/fuzz -q -n 0 -p no:randomly --show-capture=no

.PHONY: bench-matching
bench-matching: $(DEV)  ## how fast matching is, against plain Python, PostgreSQL and SciPy (WRITE=1 updates docs/benchmarks.md)
	@$(PY) -m bench.matching $(if $(WRITE),--write,)

.PHONY: bench-api
bench-api: $(DEV)  ## how fast the API reads, against bare SQL and ModelSerializer (DATABASE_URL=postgres://..., DEEP=1, WRITE=1 updates docs/benchmarks-api.md)
	@$(PY) -m bench.api $(if $(DEEP),--deep,) $(if $(WRITE),--write,)

.PHONY: bench-bulk
bench-bulk: $(DEV)  ## how fast 100,000 offerings are imported, against a bare bulk insert (DATABASE_URL=postgres://..., WRITE=1 updates docs/bulk.md)
	@TESTING=1 $(PY) -m bench.bulk $(if $(ROWS),--rows $(ROWS),) $(if $(WRITE),--write,)

.PHONY: faults
faults: $(DEV)  ## the whole product under load and a hundred faults: nothing lost, nothing doubled (SEED=, WRITE=1 updates docs/faults.md)
	@$(PY) -m tests.faults full $(if $(SEED),--seed $(SEED),) $(if $(WRITE),--write,)

.PHONY: faults-short
faults-short: $(DEV)  ## the same with each kind of fault once, in three minutes
	@$(PY) -m tests.faults short $(if $(SEED),--seed $(SEED),)

.PHONY: mutation
mutation: $(DEV)  ## change permissions, states, feed and work table in every small way; the tests must notice (FILES= narrows, AGAIN=1: the last survivors)
	@$(PY) -m tooling.mutation $(if $(AGAIN),--survivors,) $(FILES)

.PHONY: check
check: $(DEV) node  ## style, types, contracts, migrations, schema, diagrams, translations
	@$(PY) -m tooling.check

.PHONY: migration-drill
migration-drill: $(DEV)  ## rehearse an upgrade: migrate 100,000 rows a table while the old version goes on
	@$(PY) -m tooling.migration_drill

.PHONY: audit
audit: $(DEV)  ## known holes in what we stand on; exit code 2 and capitals where they could not be looked up
	@$(PY) -m tooling.audit

.PHONY: sbom
sbom: $(DEV)  ## the bill of materials of the product: var/sbom.cdx.json (CycloneDX)
	@mkdir -p var
	@$(VENV)/bin/cyclonedx-py requirements requirements/base.txt --pyproject pyproject.toml --output-reproducible \
	  --output-file var/sbom.cdx.json && echo "var/sbom.cdx.json"

.PHONY: format
format: $(DEV)  ## let ruff put the code in shape
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

.PHONY: migrations
migrations: $(DEV)  ## write the migrations that the models ask for
	@TESTING=1 $(MANAGE) makemigrations --skip-checks
	@TESTING=1 $(MANAGE) create_max_migration_files --recreate

.PHONY: schema
schema: $(DEV)  ## write openapi/marketplace-v1.yaml, the life-cycle diagrams and the access matrix
	@$(MANAGE) spectacular --validate --fail-on-warn --file openapi/marketplace-v1.yaml
	@$(MANAGE) lifecycle_diagrams
	@$(MANAGE) access_matrix

.PHONY: clients
clients: $(DEV) node  ## make the Python, TypeScript and command-line clients and the Postman collection in var/clients, and check the types
	@$(PY) -m tooling.clients check

.PHONY: messages
messages: $(DEV)  ## bring locale/ up to date with the code and compile it
	@$(PY) -m tooling.translations update

.PHONY: lock
lock: $(DEV)  ## pin every requirement with its hashes
	@$(VENV)/bin/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-header --quiet \
	  --python-version 3.11 --output-file requirements/base.txt
	@$(VENV)/bin/uv pip compile pyproject.toml --extra traces --constraint requirements/base.txt --generate-hashes --no-emit-index-url --no-header --quiet \
	  --python-version 3.11 --output-file requirements/traces.txt
	@$(VENV)/bin/uv pip compile pyproject.toml --extra dev --extra traces --extra checks --generate-hashes --no-emit-index-url --no-header --quiet \
	  --python-version 3.11 --output-file requirements/dev.txt
	@echo uv | $(VENV)/bin/uv pip compile - --constraint requirements/dev.txt --generate-hashes --no-emit-index-url --no-header --quiet \
	  --python-version 3.11 --output-file requirements/install.txt

.PHONY: clean
clean:  ## remove what was built: environment, caches, node_modules (var/ stays)
	rm -rf $(VENV) node_modules staticfiles htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the above stands on -------------------------------------------------------------------------------------
.PHONY: venv
venv: $(DEV)  ## the development environment, with hash-locked requirements

.PHONY: python
python:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c 'import sys; raise SystemExit(sys.version_info[:2] != (3, 11))'; then \
	  echo "This needs Python 3.11, and none was found. Install it (Debian 12: apt install python3.11 python3.11-venv;"; \
	  echo "macOS: brew install python@3.11; anywhere: pyenv install 3.11), or name it: make PYTHON=/path/to/python3.11"; \
	  exit 1; fi

# The development environment holds everything of the base, at the same pins.
$(BASE):
	@if [ ! -f $(DEV) ]; then $(MAKE) --no-print-directory install REQUIREMENTS=requirements/base.txt; fi
	@touch $@

$(DEV):
	@$(MAKE) --no-print-directory install REQUIREMENTS=requirements/dev.txt
	@touch $@

# The locks name everything, so pip has nothing to resolve (--no-deps): pip before 24 meets "package[extra]", looks past the
# pin and refuses the newest release for want of a hash. uv takes seconds where pip takes half a minute; it looks where pip is
# told to look, and trusts whom the machine trusts, as pip does.
PIP_INSTALL := install -qq --disable-pip-version-check --no-input --no-deps --no-compile --require-hashes
.PHONY: install
install: python
	@echo "Preparing $(VENV) with $(PYTHON) from $(REQUIREMENTS) (once; seconds with uv, a minute or two with pip) ..."
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo "Python cannot make a virtual environment here. On Debian and Ubuntu: apt install python3.11-venv"; exit 1; }
	@$(PY) -m pip $(PIP_INSTALL) -r requirements/install.txt
	@UV_SYSTEM_CERTS=1 UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PY) -m pip config get global.index-url 2>/dev/null)}}" \
	  $(VENV)/bin/uv pip install --quiet --python $(PY) --no-deps --require-hashes -r $(REQUIREMENTS) || { \
	  echo "uv could not; once more with pip, which takes longer ..."; $(PY) -m pip $(PIP_INSTALL) -r $(REQUIREMENTS); }
	@$(PY) -m compileall -qq -j 0 -x /tests/ $(VENV)/lib || true # on all cores; the few files that are no Python of today stay as they are
	@rm -f $(VENV)/.base-* $(VENV)/.dev-*

# Redocly comes from npm. Without npm the check goes on and says what it could not do.
.PHONY: node
node:
	@if [ ! -f $(NODE) ] && command -v npm >/dev/null; then \
	  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && rm -f node_modules/.installed-* && touch $(NODE); fi
