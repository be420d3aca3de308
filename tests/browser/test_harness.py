"""The harness notices what it should."""

import pytest
from playwright.sync_api import expect


def test_cell_shows_its_output_and_an_error_is_noticed(open_cell):
    page = open_cell("print(load_mnist()[0][1][:3])")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("[5 0 4]")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        open_cell("1 / 0")


def test_errors_and_requests_to_another_host_are_noticed(page):
    page.evaluate("() => { console.error('one'); setTimeout(() => { throw new Error('two'); }); }")
    answer = page.evaluate("() => fetch('https://example.org/x.js').then(() => 'came', () => 'failed')")
    assert (answer, page.foreign_requests) == ("failed", ["https://example.org/x.js"])
    assert [message.splitlines()[0] for message in page.console_errors][:2] == ["one", "two"]
    page.foreign_requests.clear()
    page.console_errors.clear()
