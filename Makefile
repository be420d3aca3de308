# Every target sets up what it needs. The two to know are `make course` and `make test`.
PYTHON ?= $(or $(shell command -v python3.11 2>/dev/null),python3)
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/ready

.PHONY: course lab site student slides pdf test test-browser reference outputs bench lock clean

course: $(READY)  ## execute the notebooks and build a site from them, under build/site/
	$(BIN)/python course.py course

lab: $(READY)  ## open JupyterLab on the first notebook
	$(BIN)/jupyter lab notebooks/01_preprocessing.ipynb

site: $(READY)  ## build the site from the notebooks' existing outputs, under build/site/
	$(BIN)/python publish.py site

student: $(READY)  ## pack the notebooks without solutions, and the package, into build/student/handwriting.zip
	$(BIN)/python publish.py student

slides: $(READY)  ## make a slide deck for each notebook, under build/slides/
	$(BIN)/python publish.py slides

pdf: $(READY)  ## print the whole course to build/course.pdf; needs Chromium
	$(BIN)/python publish.py pdf

test: $(READY)  ## lint, unit tests, notebook rules, strict re-execution of every notebook
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pytest

test-browser: $(READY)  ## test the notebooks, the site, the slides and the PDF in a real browser, Chromium
	$(BIN)/pytest --numprocesses=0 tests/browser

reference: $(READY)  ## train the reference networks, and what 07 has on record (two hours or more)
	$(BIN)/python course.py reference

outputs: $(READY)  ## re-execute the notebooks in place
	$(BIN)/python course.py outputs

bench: $(READY)  ## measure how fast the networks train, and the run times that the course quotes
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.run_times

lock:  ## lock the dependencies in pyproject.toml into requirements.txt
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --python-version 3.11 --no-emit-index-url -o requirements.txt

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@
