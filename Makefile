# make demo | test | lint | test-slow | fuzz | benchmark | clean: each sets up what it needs, in .venv, on a machine that has only Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-slow fuzz lint format benchmark clean

demo: $(VENV)/.installed
	$(BIN)/videomamba demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --cov --cov-report=
	$(BIN)/coverage report --skip-covered --include='videomamba/ops/*,videomamba/nn/*,videomamba/models/*,videomamba/data/*' --fail-under=90

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 -m slow

# make fuzz COUNT=20000 SEED=7: damaged videos through the reader and the check; a table at the end
COUNT ?= 5000
SEED ?= 0
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.campaign --count $(COUNT) --seed $(SEED)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: $(VENV)/.installed
	$(BIN)/pip install --quiet --group benchmark
	$(BIN)/videomamba benchmark scan
	$(BIN)/python benchmarks/whole_model.py
	$(BIN)/python benchmarks/other_scans.py
	$(BIN)/python benchmarks/scan_layouts.py
	$(BIN)/python benchmarks/scan_table.py

# A change of the sources of the compiled kernels builds them again.
$(VENV)/.installed: pyproject.toml setup.py $(wildcard videomamba/ops/native/*.cpp videomamba/ops/native/*.h)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist runs *.egg-info .coverage
