"""Formulas as MathML, which browsers draw without a script."""

import re

import latex2mathml.converter


def mathml(latex: str, display: str = "inline") -> str:
    """A formula in LaTeX as MathML; `display` is "inline" or "block"."""
    formula = latex2mathml.converter.convert(latex.strip(), display=display)
    return re.sub(r"(<mi>(?:ln|log|exp)</mi>)(?!<mo)", r'\1<mspace width="0.17em"/>', formula)


def with_mathml(markdown: str) -> str:
    """Markdown with its ``$...$`` and ``$$...$$`` as MathML."""
    return re.sub(
        r"\$\$(.+?)\$\$|\$(.+?)\$",
        lambda match: mathml(match[1], "block") if match[1] else mathml(match[2]),
        markdown,
        flags=re.DOTALL,
    )
