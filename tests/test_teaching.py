"""The teacher's guide has a whole page for each lesson, and its plans leave the sections their time."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pages import FOLDER, GUIDE, headings, parse, prose
from results import printed
from test_notebook_rules import FORBIDDEN_WORDS

from tools import handouts, minutes
from tools.course import LESSONS, NOTEBOOKS, read
from tools.measure_run_times import of_sections

PARTS = ["Minutes", "In half the time", "Five misconceptions", "In the room", "On the board", "Homework"]
PARTS += ["Handout"]
PLANS = {"One hour": 60, "Three hours": 180, "Six lessons": 6 * 45, "A semester": 10 * 90}
each_lesson = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def part_of(page: Path, title: str) -> str:
    return text_of(page).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


# Minutes


def named_sections(text: str, lesson: str) -> list[str]:
    """The sections that a text names in italics, as *A* or as *A* to *B*."""
    there, found = list(minutes.sections(lesson)), []
    for first, last in re.findall(r"\*([^*]+)\*(?: to \*([^*]+)\*)?", text):
        found += there[there.index(first) : there.index(last or first) + 1]
    return found


def minutes_of(lesson: str, names: list[str]) -> float:
    """To read the sections and to run them."""
    return sum(read + run / 60 for read, run in (minutes.sections(lesson)[name] for name in names))


def rows(plan: str) -> list[list[str]]:
    lines = [line for line in part_of(FOLDER / "teaching.md", plan).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("plan", PLANS)
def test_plan_fills_its_time_and_leaves_each_step_what_its_sections_take(plan):
    assert sum(int(row[0]) for row in rows(plan)) == PLANS[plan]
    for planned, link, sections, _ in rows(plan):
        if link:
            (lesson,) = (lesson for lesson in LESSONS if f"({lesson}.ipynb)" in link)
            assert 0 < minutes_of(lesson, named_sections(sections, lesson)) <= int(planned), (link, planned)


def test_time_that_is_too_short_would_be_seen():
    assert minutes_of("02_mlp", named_sections("*One neuron* to *Exercises*", "02_mlp")) > 45
    with pytest.raises(ValueError, match="is not in list"):
        named_sections("*One nueron*", "02_mlp")


@each_lesson
def test_what_is_left_out_is_half_of_the_time(path):
    sections = list(minutes.sections(path.stem))
    text = re.search(r"[Ll]eave out (.*?)\.(?: |$)", part_of(GUIDE[path], "In half the time"), re.DOTALL)[1]
    skipped = minutes_of(path.stem, named_sections(text, path.stem))
    assert 0.5 <= skipped / minutes_of(path.stem, sections) < 0.75


def test_sections_are_those_that_were_measured_and_together_the_notebook():
    measured = minutes.run_times()
    for path in NOTEBOOKS:
        assert set(measured["sections"][path.stem]) == set(minutes.sections(path.stem))
        assert sum(measured["sections"][path.stem].values()) == pytest.approx(
            measured["seconds"][path.stem], abs=2
        )
        counted = sum(to_read for to_read, _ in minutes.sections(path.stem).values())
        whole = sum(minutes.words(cell.source) for cell in read(path).cells)
        assert counted * minutes.WORDS_A_MINUTE == pytest.approx(whole)


def test_time_of_a_cell_goes_to_its_section():
    def cell(seconds):
        times = {
            "iopub.execute_input": "2026-01-01T10:00:00.500000Z",
            "iopub.status.idle": f"2026-01-01T10:00:{seconds:02}.500000Z",
        }
        return new_code_cell("1", metadata={"execution": times})

    texts = [new_markdown_cell(text) for text in ("# T", "a\n\n## A\n\nb\n\n## B", "c")]
    cells = [texts[0], cell(1), texts[1], cell(2), texts[2], cell(3), new_code_cell("# not run")]
    found = of_sections(new_notebook(cells=cells), 10)
    assert found == {minutes.OPENING: 5, "A": 0, "B": 5}
    parts = [(name, text) for name, _, text in minutes.by_section(new_notebook(cells=texts))]
    assert parts == [
        *((minutes.OPENING, "# T"), (minutes.OPENING, "a\n\n")),
        *(("A", "## A\n\nb\n\n"), ("B", "## B"), ("B", "c")),
    ]


# The pages


@each_lesson
def test_lesson_has_a_whole_page(path):
    page = GUIDE[path]
    (_, title), *others = headings(text_of(page))
    assert title.startswith(f"Teach {path.stem[:2]}: ") and [name for _, name in others] == PARTS
    misconceptions = parse(part_of(page, "Five misconceptions")).select("ol > li")
    assert len(misconceptions) == 5
    for point in misconceptions:
        said, asked, answered = (part.get_text() for part in point.find_all("p"))
        assert said.startswith('"') and asked.startswith("Ask: ") and answered.startswith("Answer: ")
        assert "?" in asked
    assert len(parse(part_of(page, "In the room")).select("ul > li > strong")) >= 4
    assert not FORBIDDEN_WORDS.findall(prose(text_of(page)))


def test_guide_forbids_the_words_that_the_notebooks_forbid():
    assert not FORBIDDEN_WORDS.findall(prose(text_of(FOLDER / "teaching.md")))


@each_lesson
def test_handout_has_idea_sketch_line_and_three_questions(path):
    sheet = BeautifulSoup(handouts.handout(path), "html.parser")
    assert sheet.h1.get_text().startswith(path.stem[:2])
    assert len(sheet.img["alt"]) > 50 and sheet.img["src"].startswith("data:image/svg+xml")
    assert len(sheet.select("main pre, main math[display=block]")) == 1
    assert len(sheet.select("ol > li")) == 3 and sheet.select(".notes")
    assert "Answers" not in sheet.get_text() and "<!--" not in str(sheet.main)
    answers = part_of(GUIDE[path], "Handout").partition("**Answers.**")[2]
    assert len(answers) > 50


def test_sketch_of_the_walk_has_the_numbers_that_the_notebook_prints():
    sketch = text_of(FOLDER / "teaching" / "08_learning_by_hand.svg").replace("−", "-")
    shown = re.findall(r">(-?[\d.]+)</text>", sketch)
    sums = printed("08", "logits", "sums")
    slopes = printed("08", "at ReLU's outputs", "at ReLU's outputs")
    at_logits = (0.75, -0.75)  # rule 1, with p rounded as in the walk
    numbers = {1, 2, *sums, *slopes, *at_logits}
    assert {float(number) for number in shown} == {round(number, 2) for number in numbers}
