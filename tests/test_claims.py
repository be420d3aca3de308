"""Every result stated in the course's text agrees with the reference runs and the data."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import conclusions
import pytest
from pages import (
    COMMENT,
    HOLDS,
    MARKER,
    PAGES,
    README,
    label,
    markdown_of,
    marked_conclusions,
    marked_prose,
    texts,
)
from results import FUNCTIONS, RESULTS, known, model

from mnist_helpers import load_splits
from tools.course import COMPARED

# Facts about the course's setup, as printed. Anything else that looks like a result needs a source.
FACTS = {
    *("60,000", "50,000", "10,000", "70,000", "784", "255", "256"),  # MNIST, its splits, images, bytes
    *("0.01", "0.25", "0.5"),  # learning rate, shares dropped
    "1,563",  # batches per epoch: 50,000 / 32, the last one half full
    "25 mistakes",  # in a gallery
    *("128", "5,000"),  # chosen in exercises: neurons, images
    "200",  # images that a widget shows
    *("5 %", "95 %"),  # 95: the level of the intervals; 5: of a false alarm
    *("3.11", "3.12", "3.13", "3.0", "4.0"),  # Python, licenses
}
YEARS = range(1900, 2027)

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
UNIT = re.compile(
    r"(?:(?P<percent>\s?(?:%|percent\b))|"
    r"[\s-](?:(?:fewer|more|new|remaining|test|validation)\s)?"
    r"(?P<noun>errors?|mistakes?|minutes?|seconds?|hours?|percentage points?)\b)"
)
QUANTITY = re.compile(rf"(?<![\w.]){DIGITS}(?: × 10(?P<power>⁻?[⁰¹²³⁴-⁹]+))?")
# In "97.3–97.9 %" and "from 20 to 30 minutes", the unit belongs to both numbers.
RANGE = re.compile(rf"(?:–|\s(?:to|and)\s){DIGITS}{UNIT.pattern}")
BOUND = re.compile(r"\b(?:(more than|above)|less than|fewer than|below) $", re.IGNORECASE)
# A written-out sum, such as 26 × 26 × 32 = 21,632. Its outcome needs no source.
SIDE = rf"{DIGITS}(?: [×/+−] {DIGITS})*"
SUM = re.compile(rf"(?<![\w.]){SIDE}(?: = {SIDE})+")
PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹×−", "-0123456789*-", ",")

WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
NUMBER_OF = {word: str(number) for number, word in enumerate(WORDS.split())}
# "Eight times" with a source. A number in words does not need one.
NUMBER_WORD = re.compile(rf"\b({'|'.join(NUMBER_OF)})(?=<!-- result)", re.IGNORECASE)


def problems(pieces: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with the numbers on a page, given as (where, Markdown) in reading order."""
    found, derived = [], set()
    for where, markdown in pieces:
        # The text without markers, and the position of each marker.
        text, sources = "", {}
        prose = NUMBER_WORD.sub(lambda word: NUMBER_OF[word[1].lower()], marked_prose(markdown))
        parts = MARKER.split(prose)
        for part, name in zip(parts[::2], [*parts[1::2], None], strict=True):
            text += part
            if name:
                sources[len(text)] = name
        for chain in SUM.finditer(text):
            sides = chain[0].split(" = ")
            derived |= {side for side in sides if re.fullmatch(DIGITS, side)}
            # Only digits and operators get this far.
            if len({round(eval(side.translate(PLAIN)), 9) for side in sides}) > 1:
                found.append(f"{where}: the sum is wrong or of another form: {_around(text, chain)}")
        found += [f"{where}: {problem}" for problem in _misstatements(text, sources, derived)]
    return found


def _misstatements(text: str, sources: dict[int, str], derived: set[str]) -> Iterator[str]:
    """Check each number: does it agree with its source, and if it has none, does it need one?"""
    for quantity in QUANTITY.finditer(text):
        unit = UNIT.match(text, quantity.end())
        end = unit.end() if unit else quantity.end()
        unit = unit or RANGE.match(text, end)
        name = sources.pop(quantity.end(), None) or sources.pop(end, None)
        if name and name not in FUNCTIONS:
            yield f"there is no result named {name}"
        elif name:
            if complaint := _disagreement(quantity, bool(unit and unit["percent"]), known[name]):
                yield f"{complaint} by {name}: {_around(text, quantity)}"
        elif not _is_allowed(quantity[0], unit, derived):
            yield f"{text[quantity.start() : end]} is a result without a source: {_around(text, quantity)}"
    for name in sources.values():
        yield f"the marker of {name} does not follow a number"
    for marker in COMMENT.findall(text):
        yield f"{marker} is not of the form <!-- result: name -->"


def _is_allowed(number: str, unit: re.Match | None, derived: set[str]) -> bool:
    if unit:
        return f"{number} {'%' if unit['percent'] else unit['noun']}" in FACTS
    is_small = number.isdecimal() and (int(number) < 100 or int(number) in YEARS)
    return is_small or number in FACTS | derived


def _disagreement(quantity: re.Match, percent: bool, value: float) -> str | None:
    """Compare a printed number with a value: to half a unit in its last digit, or as a bound."""
    digits = quantity[0].partition(" × ")[0]
    scale = 10.0 ** int((quantity["power"] or "⁰").translate(PLAIN)) / (100 if percent else 1)
    printed = float(digits.translate(PLAIN)) * scale
    if bound := BOUND.search(quantity.string[: quantity.start()]):
        agrees = value > printed if bound[1] else value < printed
    else:
        half_a_digit = 0.5 * 10.0 ** -len(digits.partition(".")[2])
        agrees = abs(value - printed) <= half_a_digit * scale * (1 + 1e-9)
    should_be = f"{100 * value:.6g} %" if percent else f"{value:.6g}"
    return None if agrees else f"{digits} should be {should_be}"


def _around(text: str, match: re.Match) -> str:
    return " ".join(text[max(0, match.start() - 40) : match.end() + 30].split())


# The course's pages

each_page = pytest.mark.parametrize("page", PAGES, ids=label)


@each_page
def test_page_agrees_with_results(page):
    if page.name != "references.md":  # numbers of others
        assert not problems(texts(page))


@each_page
def test_comments_are_markers(page):
    comments = COMMENT.findall(markdown_of(page))
    assert not [comment for comment in comments if not (MARKER.match(comment) or HOLDS.match(comment))]


def test_readme_names_the_accuracies():
    assert {f"{network}.test_accuracy" for network in COMPARED} <= set(MARKER.findall(markdown_of(README)))


def test_conclusions_hold():
    """Each conclusion that a page draws has a condition, and the other way round."""
    conditions = {name: holds for of_page in conclusions.IN for name, holds in of_page().items()}
    assert set(conditions) == set().union(*map(marked_conclusions, PAGES))
    # A condition is a truth value: no array, and no tuple, which is always true.
    assert not [name for name, holds in conditions.items() if str(holds) != "True"]


def test_each_result_is_quoted():
    """What neither a page nor a condition asks for is deleted; of a family, one member must be quoted."""
    code = Path(conclusions.__file__).read_text(encoding="utf-8")
    named = {re.sub(r"{\w+}", "x", text) for text in re.findall(r'"([\w.{}]+)"', code)}
    named = named.union(*(MARKER.findall(markdown) for page in PAGES for _, markdown in texts(page)))
    patterns = {name: re.sub(r"{\w+}", r"[\\w.]+", name) for name in RESULTS}
    assert not [name for name, one in patterns.items() if not any(re.fullmatch(one, text) for text in named)]


def test_accuracy_equals_keras():
    _, _, (images, labels) = load_splits("flat")
    _, accuracy = model("mlp").evaluate(images, labels, batch_size=500, verbose=0)
    assert known["mlp.test_accuracy"] == pytest.approx(accuracy, abs=1e-6)


# What the check reports. What it lets pass, the pages show.


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("97.5 %<!-- result: mlp.test_accuracy -->", "97.5 should be 97.65 %"),
        ("97.6<!-- result: mlp.test_accuracy -->", "97.6 should be 0.9765"),
        ("335,115<!-- result: mlp.parameters -->", "335,115 should be 335114"),
        ("5.8 × 10⁻¹⁴<!-- result: mlp_cnn.p -->", "5.8 should be"),
        ("more than 98 %<!-- result: mlp.test_accuracy -->", "98 should be"),
        ("below 0.05<!-- result: mlp.val_loss -->", "0.05 should be"),
        ("Fifteen<!-- result: mlp.val_loss_min_epoch --> epochs", "15 should be 24"),
        ("97.6 %<!-- result: mlp.acuracy -->", "no result named mlp.acuracy"),
        ("97.6 %<!-- result mlp.test_accuracy -->", "not of the form"),
        ("about <!-- result: mlp.test_accuracy -->97.6 %", "does not follow a number"),
        ("It reads 97.6 % of them.", "97.6 % is a result without a source"),
        ("a loss of .08", ".08 is a result"),
        ("335,114 weights", "335,114 is a result"),
        ("335114 weights", "335114 is a result"),
        ("in 2031", "2031 is a result"),
        ("97 to 98 %", "97 is a result"),
        ("74 fewer mistakes", "74 fewer mistakes is a result"),
        ("10,000 mistakes", "10,000 mistakes is a result"),
        ("![a fall to 7.5 %](x.png)", "7.5 % is a result"),
        ("```{glossary}\nloss\n  It falls to 0.08.\n```", "0.08 is a result"),
        ("<details>\n<summary>0.08</summary>", "0.08 is a result"),
        ("26 × 26 × 32 = 21,631", "the sum is wrong"),
        ("98.5 − 97.6 = 0.9", "98.5 is a result"),
        ("`n` × 256 = 257", "the sum is wrong"),
    ],
)
def test_bad_text_is_reported(text, complaint):
    assert complaint in "\n".join(problems([("cell 3", text)]))
