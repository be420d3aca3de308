# Every target sets up what it needs. The two to know are `make course` and `make test`.

# The environment is made with the first of these that runs; if none does, the last rule says what to do.
PYTHONS := python3.11 python3.12 python3.13
PYTHON ?= $(or $(shell for name in $(PYTHONS); do $$name -c "" 2>/dev/null && echo $$name && break; done),python3)

SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
VENV := .venv
BIN := $(VENV)/$(SCRIPTS)
# Grading and serving a class need more packages, some of which would show in JupyterLab: they have their own.
VENV_CLASS := .venv-class
BIN_CLASS := $(VENV_CLASS)/$(SCRIPTS)
# Written last. It names the folder that the environment was made for: a copy or a renamed folder needs a new one.
READY := $(VENV)/ready
READY_CLASS := $(VENV_CLASS)/ready
ifneq "$(shell cat $(READY) 2>/dev/null)" "$(CURDIR)"
OLD := $(READY)
endif
ifneq "$(shell cat $(READY_CLASS) 2>/dev/null)" "$(CURDIR)"
OLD += $(READY_CLASS)
endif
.PHONY: $(OLD)

.PHONY: course lab check site student slides pdf test test-browser reference outputs bench worksheets grade lock clean
.PHONY: class class-stop class-collect class-return class-remove test-class

course: $(READY)  ## execute the notebooks and build a site from them, under build/site/
	$(BIN)/python -m tools.execute course

lab: $(READY)  ## open JupyterLab on the first notebook
	$(BIN)/jupyter lab notebooks/01_preprocessing.ipynb

check: $(READY)  ## see whether this machine is ready for a lesson, and how long the trainings will take here
	$(BIN)/python -m mnist_helpers.ready

site: $(READY)  ## build the site from the notebooks' existing outputs, under build/site/
	$(BIN)/python -m tools.publish site

student: $(READY)  ## pack the notebooks without solutions, and the package, into build/student/handwriting.zip
	$(BIN)/python -m tools.publish student

slides: $(READY)  ## make a slide deck for each notebook, under build/slides/
	$(BIN)/python -m tools.publish slides

pdf: $(READY)  ## print the whole course to build/course.pdf; needs Chromium
	$(BIN)/python -m tools.publish pdf

test: $(READY)  ## lint, unit tests, notebook rules, strict re-execution of every notebook
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/deno fmt --check
	$(BIN)/deno lint
	$(BIN)/pytest

test-browser: $(READY)  ## test the widgets, the site, the slides and the PDF in a real browser, Chromium
	$(BIN)/pytest --numprocesses=0 tests/browser

reference: $(READY)  ## train the reference networks, and what 07 and 09 have on record (two hours or more)
	$(BIN)/python -m tools.execute reference $(ONLY)

outputs: $(READY)  ## re-execute the notebooks in place
	$(BIN)/python -m tools.execute outputs $(ONLY)

bench: $(READY)  ## measure how fast networks train, in Python and in the page, and the run times that the course quotes
	$(BIN)/python -m tools.measure_training
	$(BIN)/python -m tools.measure_page_training
	$(BIN)/python -m tools.measure_run_times

worksheets: $(READY_CLASS)  ## make the worksheets to hand out, those with checks and those with solutions, under build/worksheets/
	$(BIN_CLASS)/python -m tools.worksheets make

grade: $(READY_CLASS)  ## grade what was handed in: make grade FOLDER=handed-in writes handed-in-graded/marks.csv
	$(BIN_CLASS)/python -m tools.worksheets grade "$(or $(FOLDER),$(error Say which folder: make grade FOLDER=handed-in))" $(if $(TRUST),--trust)

# What a class may be told: how it is served.
CLASS_OPTIONS := $(foreach option,students:STUDENTS names:NAMES address:ADDRESS port:PORT certificate:TLS_CERT key:TLS_KEY memory:MEMORY idle:IDLE,\
	$(if $($(word 2,$(subst :, ,$(option)))),--$(word 1,$(subst :, ,$(option))) "$($(word 2,$(subst :, ,$(option))))"))

class: $(READY_CLASS)  ## serve the course to a class from this machine: sudo make class STUDENTS=30
	$(BIN_CLASS)/python -m tools.classroom start $(CLASS_OPTIONS)

class-stop: $(READY_CLASS)  ## end the server of the class; files and passwords stay
	$(BIN_CLASS)/python -m tools.classroom stop

class-collect: $(READY_CLASS)  ## fetch the worksheets that the class has handed in
	$(BIN_CLASS)/python -m tools.classroom collect

class-return: $(READY_CLASS)  ## hand the feedback of `make grade` back to the class
	$(BIN_CLASS)/python -m tools.classroom return

class-remove: $(READY_CLASS)  ## delete the class: accounts, files and passwords
	$(BIN_CLASS)/python -m tools.classroom remove

test-class: $(READY_CLASS)  ## test the worksheets, and the server of a class, for which it needs root
	$(BIN_CLASS)/python -m tools.worksheets make
	$(BIN_CLASS)/pytest --numprocesses=0 tests/class

lock:  ## lock the dependencies in pyproject.toml into requirements.txt, and those of a class into requirements-class.txt
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --python-version 3.11 --no-emit-index-url -o requirements.txt
	uv pip compile pyproject.toml --all-extras --group class --constraints requirements.txt --universal --generate-hashes --python-version 3.11 --no-emit-index-url -o requirements-class.txt

clean:  ## remove the environments and everything built
	rm -rf $(VENV) $(VENV_CLASS) build

$(READY): requirements.txt
$(READY_CLASS): requirements-class.txt
$(READY) $(READY_CLASS): pyproject.toml
	@"$(PYTHON)" -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("$(PYTHON) is Python %d.%d" % sys.version_info[:2])' \
		|| { echo "The course needs Python 3.11, 3.12 or 3.13. Say where there is one: make PYTHON=python3.12" >&2; exit 1; }
	"$(PYTHON)" -m venv $(if $(filter $@,$(OLD)),--clear) $(@D)
	$(@D)/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(filter requirements%,$^)
	$(@D)/$(SCRIPTS)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	printf %s "$(CURDIR)" > $@
