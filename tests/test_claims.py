"""Every result stated in the course's text agrees with the reference runs and the data."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import conclusions
import pytest
from pages import (
    COMMENT,
    FOLDER,
    GAP,
    HOLDS,
    MARKER,
    PAGES,
    README,
    markdown_of,
    marked_conclusions,
    marked_prose,
    texts,
)
from results import RESULTS, model, results

from mnist_helpers import load_splits
from tools.course import COMPARED

OTHERS_NUMBERS = FOLDER / "references.md"
# Facts about the course's setup, as printed. Anything else that looks like a result needs a source.
FACTS = {
    *("60,000", "50,000", "10,000", "70,000", "784", "255", "256"),  # MNIST, its splits, images, bytes
    *("6,000", "10 %"),  # if all digits were equally frequent: images per digit, and accuracy of guessing
    *("0.01", "0.25", "0.5", "25 %", "50 %"),  # learning rate, shares dropped
    "1,563",  # batches per epoch: 50,000 / 32, the last one half full
    *("25 errors", "25 mistakes"),  # in a gallery
    *("128", "5,000"),  # chosen in exercises: neurons, images
    "200",  # images that a widget shows
    *("0 %", "5 %", "95 %", "100 %"),  # 95: the level of the intervals; 5: of a false alarm
    *("3.11", "3.12", "3.13", "3.0", "4.0"),  # Python, licenses
}
YEARS = range(1900, 2027)
CITED_PAGES = re.compile(r"(?<=\(\d{4}\), )\d+–\d+")

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
PERCENT = r"\s?(?:%|percent\b)"
UNIT = (
    rf"(?:(?P<percent>{PERCENT})|"
    r"[\s-](?:(?:fewer|more|new|remaining|test|validation)\s)?"
    r"(?P<noun>errors?|mistakes?|minutes?|seconds?|hours?|percentage points?)\b)"
)
QUANTITY = re.compile(rf"(?<![\w.])(?<!\d,)(?:(?<![\w)])[−-])?{DIGITS}(?: × 10(?P<power>⁻?[⁰¹²³⁴-⁹]+))?")
# In "97.3–97.9 %" and "from 20 to 30 minutes", the unit belongs to both numbers.
RANGE = re.compile(rf"(?:–|\s(?:to|and)\s){DIGITS}{UNIT}")
BOUND = re.compile(
    r"(?:(?P<below><|below|less than|fewer than)|(?P<above>>|above|more than))\s*$", re.IGNORECASE
)

WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
)
WORDS += "seventeen eighteen nineteen twenty"
NUMBER_OF = {word: number for number, word in enumerate(WORDS.split())}
NUMBER_OF |= {"twenty-" + word: 20 + NUMBER_OF[word] for word in WORDS.split()[1:10]}
# "Eight times" with a source. A number in words does not need one.
NUMBER_WORD = re.compile(rf"\b({'|'.join(reversed(NUMBER_OF))})(?=<!-- result)", re.IGNORECASE)

POWER = "⁻?[⁰¹²³⁴-⁹]+"
TERM = rf"\(*{DIGITS}(?:{POWER}|{PERCENT})?\)*"
SIDE = rf"{TERM}(?:(?:\s*[×·÷/+−]\s*| - ){TERM})*"
ARITHMETIC = re.compile(rf"(?<![\w.,])\(*{SIDE}(?:\s*[=≈]\s*{SIDE})+")
OPERATOR = re.compile("[×·÷/+−⁰¹²³⁴-⁹]| - ")
PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹×·÷−", "-0123456789**/-", ",")


def problems(pieces: Iterable[tuple[str, str]], known: Mapping[str, float]) -> list[str]:
    """What is wrong with the numbers on a page, given as (where, Markdown) in reading order."""
    found, derived = [], set()
    for where, markdown in pieces:
        # The text without markers, and the position of each marker.
        text, sources = "", {}
        prose = NUMBER_WORD.sub(lambda word: str(NUMBER_OF[word[1].lower()]), marked_prose(markdown))
        parts = MARKER.split(CITED_PAGES.sub(GAP, prose))
        for part, name in zip(parts[::2], [*parts[1::2], None], strict=True):
            text += part
            if name:
                sources[len(text)] = name
        outcomes, wrong_sums = _sums(text)
        derived |= set(outcomes.values())
        for problem in [*wrong_sums, *_misstatements(text, sources, known, set(outcomes), derived)]:
            found.append(f"{where}: {problem}")
    return found


def _sums(text: str) -> tuple[dict[int, str], list[str]]:
    """Find written-out arithmetic: the position and digits of each result, and what is wrong."""
    outcomes, wrong = {}, []
    for chain in ARITHMETIC.finditer(text):
        goes_on_from_code = text[: chain.start()].rstrip(" ")[-1:] in {*"×·÷/+−=≈"}
        if goes_on_from_code or not OPERATOR.search(chain[0]):
            continue
        if not _holds(re.split("[=≈]", chain[0])):
            wrong.append(f"the sum is wrong: {_around(text, chain)}")
        for outcome in re.finditer(rf"(?<=[=≈])\s*({DIGITS})(?={PERCENT}|\s*\)*(?:[=≈]|$))", chain[0]):
            outcomes[chain.start() + outcome.start(1)] = outcome[1]
    return outcomes, wrong


def _misstatements(
    text: str, sources: dict[int, str], known: Mapping[str, float], outcomes: set[int], derived: set[str]
) -> Iterator[str]:
    """Check each number: does it agree with its source, and if it has none, does it need one?"""
    for quantity in QUANTITY.finditer(text):
        unit = re.compile(UNIT).match(text, quantity.end())
        end = unit.end() if unit else quantity.end()
        unit = unit or RANGE.match(text, end)
        name = sources.pop(quantity.end(), None) or sources.pop(end, None)
        if name and name not in known:
            yield f"there is no result named {name}"
        elif name:
            if complaint := _disagreement(quantity, bool(unit and unit["percent"]), known[name]):
                yield f"{complaint} by {name}: {_around(text, quantity)}"
        elif not (quantity.start() in outcomes or _is_allowed(quantity[0], unit, derived)):
            yield f"{text[quantity.start() : end]} is a result without a source: {_around(text, quantity)}"
    for name in sources.values():
        yield f"the marker of {name} does not follow a number"
    for marker in re.findall("<!--.*?-->", text, re.DOTALL):
        yield f"{marker} is not of the form <!-- result: name -->"


def _is_allowed(number: str, unit: re.Match | None, derived: set[str]) -> bool:
    if unit:
        return f"{number} {'%' if unit['percent'] else unit['noun']}" in FACTS
    if number in FACTS | derived:
        return True
    whole = re.fullmatch(r"[−-]?(\d+)", number)
    return bool(whole) and (int(whole[1]) < 100 or int(whole[1]) in YEARS)


def _disagreement(quantity: re.Match, percent: bool, value: float) -> str | None:
    """Compare a printed number with a value: to half a unit in its last digit, or as a bound."""
    digits = quantity[0].partition(" × ")[0]
    scale = 10.0 ** int((quantity["power"] or "⁰").translate(PLAIN)) / (100 if percent else 1)
    printed = float(digits.translate(PLAIN)) * scale
    bound = BOUND.search(quantity.string[: quantity.start()])
    if bound:
        agrees = value < printed if bound["below"] else value > printed
    else:
        agrees = abs(value - printed) <= _half_a_digit(digits) * scale * (1 + 1e-9)
    return (
        None if agrees else f"{digits} should be " + (f"{100 * value:.6g} %" if percent else f"{value:.6g}")
    )


def _half_a_digit(digits: str) -> float:
    return 0.5 * 10.0 ** -len(digits.partition(".")[2])


def _holds(sides: list[str]) -> bool:
    """Check an equation such as 26 × 26 × 32 = 21,632, given as its sides; a lone number may be rounded."""
    values, slack = [], 0.0
    for side in sides:
        # Parentheses around the whole equation were split at the equals sign.
        extra = side.count("(") - side.count(")")
        term = side.strip().removeprefix("(" * extra).removesuffix(")" * -extra)
        if lone := re.fullmatch(rf"({DIGITS})({PERCENT})?", term):
            slack = max(slack, _half_a_digit(lone[1]) / (100 if lone[2] else 1))
        term = re.sub(PERCENT, "/100", re.sub(POWER, r"**(\g<0>)", term)).translate(PLAIN)
        try:
            values.append(eval(term))  # Only digits, operators and parentheses get this far.
        except (SyntaxError, ZeroDivisionError):
            return False
    return all(math.isclose(value, values[0], rel_tol=1e-9, abs_tol=slack) for value in values)


def _around(text: str, match: re.Match) -> str:
    return " ".join(text[max(0, match.start() - 40) : match.end() + 30].split())


# The course's pages

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@each_page
def test_page_agrees_with_results(page):
    if page != OTHERS_NUMBERS:
        assert not problems(texts(page), results())


@each_page
def test_comments_are_markers(page):
    comments = COMMENT.findall(markdown_of(page))
    assert not [comment for comment in comments if not (MARKER.match(comment) or HOLDS.match(comment))]


def test_readme_names_the_accuracies():
    assert {f"{network}.test_accuracy" for network in COMPARED} <= set(MARKER.findall(markdown_of(README)))


@pytest.mark.parametrize("where", conclusions.IN)
def test_conclusions_hold(where):
    """Each conclusion has a condition, named after the first page that draws it, and the other way round."""
    drawn = set().union(*map(marked_conclusions, PAGES))
    conditions = conclusions.IN[where]()
    assert set(conditions) == {name for name in drawn if name.startswith(where + ".")}
    # A condition is a truth value: no array, and no tuple, which is always true.
    assert not [name for name, holds in conditions.items() if str(holds) != "True"]


def test_conclusions_are_drawn_where_there_are_conditions():
    drawn = set().union(*map(marked_conclusions, PAGES))
    assert {name.partition(".")[0] for name in drawn} == set(conclusions.IN)


def test_each_result_is_quoted():
    """What neither a page nor a condition asks for is deleted; of a family, one member must be quoted."""
    code = Path(conclusions.__file__).read_text(encoding="utf-8")
    named = {re.sub(r"{\w+}", "x", text) for text in re.findall(r'"([\w.{}]+)"', code)}
    named = named.union(*(MARKER.findall(markdown) for page in PAGES for _, markdown in texts(page)))
    patterns = {name: re.sub(r"{\w+}", r"[\\w.]+", name) for name in RESULTS}
    assert not [name for name, one in patterns.items() if not any(re.fullmatch(one, text) for text in named)]


def test_result_in_the_record_needs_no_network(python):
    # In a fresh process, which has loaded nothing yet.
    program = (
        "import sys; from results import results; print(results()['mlp.parameters'], 'keras' in sys.modules)"
    )
    assert python(program, PYTHONPATH=str(Path(__file__).parent)).stdout.split() == ["335114.0", "False"]


def test_results_equal_keras():
    _, _, (images, labels) = load_splits("flat")
    _, accuracy = model("mlp").evaluate(images, labels, batch_size=500, verbose=0)
    assert results()["mlp.test_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert results()["mlp.parameters"] == model("mlp").count_params()


def test_results_are_consistent():
    known = results()
    for network in COMPARED:
        low, accuracy, high = (known[f"{network}.test_{end}"] for end in ("low", "accuracy", "high"))
        assert low < accuracy < high
    for a, b in (("mlp", "cnn"), ("cnn", "deep_cnn")):
        fewer = known[f"{a}.test_errors"] - known[f"{b}.test_errors"]
        assert known[f"{a}_{b}.repaired"] - known[f"{a}_{b}.new"] == fewer
        assert known["all.wrong"] <= known[f"{a}.test_errors"] - known[f"{a}_{b}.repaired"]


# What the check lets pass, and what it reports

KNOWN = {
    "net.accuracy": 0.97649,
    "net.low": 0.9733,
    "net.weights": 335114.0,
    "net.loss": 0.0817,
    "net.p": 5.78e-15,
    "net.epochs": 16.0,
}


@pytest.mark.parametrize(
    "text",
    [
        "It reads 97.6 %<!-- result: net.accuracy --> of them, 98 percent<!-- result: net.accuracy -->.",
        "**97.65 %**<!-- result: net.accuracy --> and 97.6<!-- result: net.accuracy -->\u00a0%",
        "from 97.3<!-- result: net.low -->–97.6 %<!-- result: net.accuracy -->",
        "335,114<!-- result: net.weights --> weights, a loss of 0.08<!-- result: net.loss -->.",
        "p = 5.8 × 10⁻¹⁵<!-- result: net.p -->, below 0.001<!-- result: net.p -->",
        "more than 97 %<!-- result: net.accuracy -->",
        "784 × 256 + 256 = 200,960 weights. Of the 200,960, `784` are new.",
        "(28 × 28 = 784), 26 × 26 × 32 = 21,632; 1 + 3 × (2 − 1) = 4 and 2⁸ = 256.",
        "50,000 / 32 = 1,562.5 ≈ 1,563",
        "9 ÷ 10 = 90 %, and 10 · 6,000 = 60,000",
        "5 epochs of 28×28 pixels in 1998, with 95 % confidence; the 25 mistakes",
        "`123`, ``1`234``, $0.123$, <!-- 97.1 % --> <img src='0.1'> [a](b-99.5.md) https://x.org/1.5",
        "$$\n1.5 = x\n$$",
        "```\n0.123\n```\n- 784 → 256 → 10\n- float32",
        "J. Am. Stat. Assoc. 22 (1927), 209–212",
        "n + 3 = 4 and `n` × 256 = 256",
        "Sixteen<!-- result: net.epochs --> epochs, or sixteen",
    ],
)
def test_good_text_passes(text):
    assert not problems([("here", text)], KNOWN)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("97.7 %<!-- result: net.accuracy -->", "97.7 should be 97.649 %"),
        ("0.98<!-- result: net.accuracy --> % of", "should be 97.649 %"),
        ("97.6<!-- result: net.accuracy -->", "should be 0.97649"),
        ("335,115<!-- result: net.weights -->", "should be 335114"),
        ("5.9 × 10⁻¹⁵<!-- result: net.p -->", "5.9 should be"),
        ("5.8 × 10⁻¹⁴<!-- result: net.p -->", "5.8 should be"),
        ("more than 98 %<!-- result: net.accuracy -->", "98 should be"),
        ("below 0.05<!-- result: net.loss -->", "0.05 should be"),
        ("97.6 %<!-- result: net.acuracy -->", "no result named net.acuracy"),
        ("97.6 %<!-- result net.accuracy -->", "not of the form"),
        ("97.6 %<!-- result: net.accuracy-->", "not of the form"),
        ("about <!-- result: net.accuracy -->97.6 %", "does not follow a number"),
        ("It reads 97.6 % of them.", "97.6 % is a result without a source"),
        ("an accuracy of 0.976", "0.976 is a result"),
        ("a loss of .08", ".08 is a result"),
        ("335,114 weights", "335,114 is a result"),
        ("335114 weights", "335114 is a result"),
        ("97 to 98 %", "97 is a result"),
        ("97 percent", "97 percent is a result"),
        ("74 errors", "74 errors is a result"),
        ("74 fewer mistakes", "74 fewer mistakes is a result"),
        ("a 12-minute run", "12-minute is a result"),
        ("2 percentage points", "2 percentage points is a result"),
        ("in 40 seconds", "40 seconds is a result"),
        ("10,000 mistakes", "10,000 mistakes is a result"),
        ("![a fall to 7.5 %](x.png)", "7.5 % is a result"),
        ("```{glossary}\nloss\n  It falls to 0.08.\n```", "0.08 is a result"),
        ("| a |\n| --- |\n| 0.08 |", "0.08 is a result"),
        ("<details>\n<summary>0.08</summary>", "0.08 is a result"),
        ("in 2031", "2031 is a result"),
        ("26 × 26 × 32 = 21,631", "the sum is wrong"),
        ("28 × 28 = 784 = 28 × 29", "the sum is wrong"),
        ("(3 × 3 × 1 + 1) × 32 = 321", "the sum is wrong"),
        ("98.5 − 97.6 = 0.9", "98.5 is a result"),
        ("`n` × 256 = 257", "257 is a result"),
        ("> 5 = 335,114", "335,114 is a result"),
        ("Fifteen<!-- result: net.epochs --> epochs", "15 should be 16"),
    ],
)
def test_bad_text_is_reported(text, complaint):
    assert complaint in "\n".join(problems([("cell 3", text)], KNOWN))
