# The two commands a newcomer needs are `make demo` and `make test`; the rest is for working on iamops.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAB_TOOLS := mmdebstrap systemd-nspawn ip ssh-keygen nsenter losetup mkfs.ext4
LAB_PACKAGES := mmdebstrap systemd-container iproute2 openssh-client util-linux mount e2fsprogs

.PHONY: demo test check lab-test bench soak install lab-tools clean

## demo: the console on a real two-node lab (root on Debian; builds the lab the first time)
demo: install lab-tools
	$(BIN)/iamops demo

## test: everything CI runs: the quality gate, then all tests on the lab
test: check lab-test

## check: the quality gate and the unit tests; needs no lab and no root
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 3 -m "not lab" tests

## lab-test: the tests on the lab (root on Debian)
lab-test: install lab-tools
	$(BIN)/pytest -m lab tests

## bench: every number of the design, measured on the lab beside the alternative
bench: install lab-tools
	@command -v watch >/dev/null || apt-get install -y -qq procps
	$(BIN)/python -m tests.bench --save

## soak: every action cut at every boundary in every way, and drills again and again (about two hours)
soak: install lab-tools
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.soak.drills

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV) || { apt-get update && apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

lab-tools:
	@for tool in $(LAB_TOOLS); do command -v $$tool >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then apt-get update -qq && apt-get install -y -qq $(LAB_PACKAGES); fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist snapshot_report.html
