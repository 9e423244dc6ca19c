# The two commands a newcomer needs are `make demo` and `make test`; the rest is for working on iamops.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAB_TOOLS := mmdebstrap systemd-nspawn ip ssh-keygen nsenter losetup mkfs.ext4
LAB_PACKAGES := mmdebstrap systemd-container iproute2 openssh-client util-linux mount e2fsprogs

.PHONY: demo test check lab-test bench soak fuzz install compiled lab-tools clean

## demo: the console on a real two-node lab (root on Debian; builds the lab the first time)
demo: install compiled lab-tools
	$(BIN)/iamops demo

## test: everything CI runs: the quality gate, then all tests on the lab
test: check lab-test

## check: the quality gate and the unit tests; needs no lab and no root
check: install compiled
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 4 -m "not lab" tests

## lab-test: the tests on the lab (root on Debian): several labs side by side; then what measures times, alone, and the
## numbers of the design with no other lab up
lab-test: install compiled lab-tools $(BIN)/promtool
	$(BIN)/pytest -m "not alone and not long" -n 3 --dist loadgroup --no-loadscope-reorder --durations 15 tests/lab
	$(BIN)/pytest -m alone tests/lab/test_numbers.py
	$(BIN)/pytest -m alone --durations 15 --ignore tests/lab/test_numbers.py tests/lab

## bench: every number of the design, measured on the lab beside the alternative
bench: install compiled lab-tools
	@command -v watch >/dev/null || apt-get install -y -qq procps
	@command -v goaccess >/dev/null && command -v mawk >/dev/null || apt-get install -y -qq goaccess mawk
	$(BIN)/python -m tests.bench --save

## soak: every action cut at every boundary in every way, drills again and again, a million log lines, every
## rule, every kind of broken terminal, restarts under load, services without what they need, races, a watch whose
## destinations come and go, a node that answers everything badly (six hours)
soak: install compiled lab-tools
	$(BIN)/pytest -m long -n 3 --dist loadgroup tests/lab
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak.drills
	$(BIN)/python -m tests.soak.serving
	$(BIN)/python -m tests.soak.needs
	$(BIN)/python -m tests.soak.races
	$(BIN)/python -m tests.soak.starts
	$(BIN)/python -m tests.soak.pushes
	$(BIN)/python -m tests.soak.fronts
	$(BIN)/python -m tests.soak.traffic
	$(BIN)/python -m tests.soak.hostile
	$(BIN)/python -m tests.soak.watch
	$(BIN)/python -m tests.soak.triage --save

## fuzz: every reader of foreign words, ten minutes each, two at once (FUZZ_S=600; about three hours)
FUZZ_S ?= 600
fuzz: install
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_S)

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

# An installed package brings its bytecode along; where the environment forbids to write any, a checkout must, too.
compiled: install
	@$(BIN)/python -m compileall -q console tests

lab-tools:
	@for tool in $(LAB_TOOLS); do command -v $$tool >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then apt-get update -qq && apt-get install -y -qq $(LAB_PACKAGES); fi

# promtool alone, unpacked: installing its package would start a Prometheus on this machine.
$(BIN)/promtool: | $(VENV)/.installed
	@if command -v promtool >/dev/null; then ln -s "$$(command -v promtool)" $@; else \
	apt-get update -qq && dir=$$(mktemp -d) && cd $$dir && \
	apt-get download -qq -o APT::Sandbox::User=root prometheus && \
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool && \
	install promtool $(CURDIR)/$@ && rm -r $$dir; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist snapshot_report.html
