# make setup    everything the project needs, into .venv and node_modules
# make run      the server with SeaweedFS as its S3: http://127.0.0.1:8080/files/ (PORT=… for another port)
# make test     every check and every test, but the huge ones (make huge)
# make soak     random experiments in the simulation, MINUTES=10 of them: pairs of faults, and generated scenarios;
#               ALL=scenario takes all pairs of one; EXPERIMENT='…' runs a printed one again
# make coverage what of domain, engine, S3 and state no simulation, no contract and no test of the domain reaches; fails below 98 %
# make mutants  changes that no fast test notices, for about two hours; mutants/ keeps what is known
# make storm    random clients and troubles over real servers, MINUTES=10 of them; SEED=… repeats a run
# make fuzz     requests that try to stop a real server, MINUTES=10 of them; SEED=… repeats a run
# make bench    the benchmark, into docs/benchmarks.md; QUICK=1 for the goals alone, ONLY=cpu,tls for some of it
# make matrix   every client by every way, into docs/clients.md
# make sbom     what is in the package, as CycloneDX: sbom/tusd-py.cdx.json; each wheel is built with it
# make docs     the settings in docs/settings.md and the life cycle in docs/design.md, as they are
# make lock     new lock files, from pyproject.toml and package.json

PYTHON ?= python3
PORT ?= 8080
MINUTES ?= 10

VENV := .venv/bin
RUN := $(VENV)/python -m
JS := tests/e2e/js
STAMPS := .venv/installed $(JS)/node_modules/installed tusd_py/ui/index.html
COMPILE := $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE)

# Tests start servers by the thousand, each of which would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := setup
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: setup run test lint huge soak storm fuzz coverage mutants bench matrix docs sbom lock clean

setup: $(STAMPS)

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'tusd-py needs Python 3.11 or newer as python3; name another with: make PYTHON=/path/to/python' >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/installed: requirements-dev.lock pyproject.toml | $(VENV)/python
	$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/fetched: .venv/installed
	$(RUN) devtools.sdist aiotus
	@touch $@

$(JS)/node_modules/installed: $(JS)/package-lock.json .venv/installed
	$(RUN) scripts.node $(JS) ci
	@touch $@

ui/node_modules/installed: ui/package-lock.json .venv/installed
	$(RUN) scripts.node ui ci
	@touch $@

tusd_py/ui/index.html: ui/build.mjs $(wildcard ui/src/*) ui/node_modules/installed
	$(RUN) scripts.page

run: setup
	@exec $(RUN) scripts.run --port $(PORT)

# Tests of load run alone: other tests at the same time would change what they measure.
test: lint .venv/fetched
	$(RUN) devtools.debian
	$(RUN) pytest tests/load
	$(RUN) pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/load

lint: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/lint-imports

huge: setup
	$(RUN) pytest -m huge

soak: setup
	PYTHONHASHSEED=0 $(RUN) tests.simulation.soak --minutes $(MINUTES) $(SEED:%=--seed %) $(ALL:%=--all %) $(EXPERIMENT)

coverage: setup
	$(RUN) coverage run -m pytest tests/simulation tests/contracts tests/unit/domain
	$(RUN) coverage report

mutants: setup
	PYTHONHASHSEED=0 nice -n 10 $(RUN) scripts.mutants run --max-children 2
	$(RUN) scripts.mutants results | grep -v "caught by type check"

storm: setup
	$(RUN) tests.storm --minutes $(MINUTES) $(SEED:%=--seed %)

bench: setup
	$(RUN) bench $(QUICK:%=--quick) $(ONLY:%=--only %) $(REPS:%=--reps %) $(RENDER:%=--render)

fuzz: setup
	$(RUN) tests.fuzz --minutes $(MINUTES) $(SEED:%=--seed %)

matrix: setup .venv/fetched
	$(RUN) tests.proxies.matrix

sbom: setup
	$(RUN) scripts.sbom

docs: setup
	$(RUN) scripts.settings_table
	$(RUN) scripts.lifecycle_figure

# UPGRADE=--upgrade takes the newest versions that fit.
lock: setup
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) --group pyproject.toml:build -o requirements-build.lock
	$(COMPILE) --all-extras --group dev -c requirements.lock -c requirements-build.lock pyproject.toml -o requirements-dev.lock
	$(RUN) scripts.node $(JS) install --package-lock-only
	$(RUN) scripts.node ui install --package-lock-only

clean:
	rm -rf .venv build dist sbom tusd_py/ui $(JS)/node_modules ui/node_modules mutants .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
