"""The mistake gallery on a page: by mouse and keyboard, wide and narrow."""

from playwright.sync_api import Locator, Page, expect

from browser.state import STICKING_OUT, make_narrow, state

# Three made-up networks: no TensorFlow is needed.
SOURCE = """\
from mnist_helpers.widgets.mistake_gallery import MistakeGallery
(images, true), _ = load_mnist()
images, true = images[:15000] / 255, true[:15000]
rng = np.random.default_rng(5)
probabilities = {}
for name in ("MLP", "CNN", "Deep CNN"):
    scores = rng.normal(size=(15000, 10)) + 3 * one_hot(true)
    probabilities[name] = np.exp(2 * scores) / np.exp(2 * scores).sum(axis=1, keepdims=True)
gallery = MistakeGallery(images, true, probabilities)
gallery
"""
SELECTED = ".cell-grid [aria-selected=true]"
SHOWN = "gallery.shown.tolist()"
TRUE = "true[gallery.shown].tolist()"


def cell(page: Page, true: int, predicted: int) -> Locator:
    return page.get_by_role("gridcell", name=f"{true} read as {predicted}:")


def expect_pictures(page: Page) -> None:
    """The page shows the images in the state, in the same order."""
    shown = state(page, SHOWN)
    pictures = page.get_by_role("figure").get_by_role("img")
    expect(pictures).to_have_count(len(shown))
    names = [picture.get_attribute("alt") for picture in pictures.all()]
    assert names == [f"image {i}, digit {true}" for i, true in zip(shown, state(page, TRUE), strict=True)]


def test_a_cell_selects_its_digits(open_cell):
    page = open_cell(SOURCE)
    about = page.get_by_role("status")
    mistakes = state(page, "int((probabilities['MLP'].argmax(axis=1) != true).sum())")
    pages = -(-mistakes // 12)
    expect(about).to_have_text(f"MLP: {mistakes:,} images misread; page 1 of {pages}")
    expect_pictures(page)

    # By mouse: another network, and a cell of its matrix.
    page.get_by_role("combobox", name="network").select_option("CNN")
    count = state(page, "int(((true == 8) & (probabilities['CNN'].argmax(axis=1) == 2)).sum())")
    expect(cell(page, 8, 2)).to_have_text(str(count))
    cell(page, 8, 2).hover()
    expect(page.get_by_text(f"8 read as 2: {count}", exact=True)).to_be_visible()
    cell(page, 8, 2).click()
    expect(about).to_have_text(f"CNN: {count} images of 8 misread as 2; page 1 of {-(-count // 12)}")
    expect(page.get_by_role("figure")).to_have_count(min(count, 12))
    expect_pictures(page)
    said = "[int(probabilities[name][gallery.shown[0]].argmax()) for name in ('CNN', 'MLP', 'Deep CNN')]"
    cnn, mlp, deep = state(page, said)
    for words in (f"CNN: {cnn} (", f"MLP: {mlp} (", f"Deep CNN: {deep} ("):
        expect(page.get_by_role("figure").first).to_contain_text(words)

    # By keyboard: to a neighbor, and on to the diagonal, where digits are read correctly.
    page.keyboard.press("ArrowRight")
    expect(cell(page, 8, 3)).to_be_focused()
    expect(about).to_contain_text("of 8 misread as 3; page 1 of")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(about).to_contain_text("of 8 read correctly; page 1 of")
    expect(page.locator(SELECTED)).to_have_text(str(state(page, "len(gallery.selection)")))
    expect_pictures(page)

    # The same cell again, after another control has cleared the selection.
    page.get_by_role("combobox", name="read as").select_option("any")
    expect(about).to_contain_text("images of 8 misread; page 1 of")
    expect(page.locator(SELECTED)).to_have_count(0)
    cell(page, 8, 8).click()
    expect(about).to_contain_text("of 8 read correctly; page 1 of")


def test_lists_slider_and_pages_by_keyboard(open_cell):
    page = open_cell(SOURCE)
    about = page.get_by_role("status")
    page.get_by_role("combobox", name="true digit").focus()
    # Elsewhere, 3 and the arrow keys are JupyterLab shortcuts.
    page.keyboard.type("3")
    expect(about).to_contain_text("images of 3 misread; page 1 of")
    for digit in (4, 5, 6, 7):
        page.keyboard.press("ArrowDown")
        expect(about).to_contain_text(f"images of {digit} misread; page 1 of")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="read as")).to_be_focused()
    expect(page.locator(SELECTED)).to_have_count(0)

    # All misread sevens, page by page.
    following, previous = (page.get_by_role("button", name=f"{which} page") for which in ("Next", "Previous"))
    expect(previous).to_be_disabled()
    following.focus()
    page.keyboard.press("Enter")
    expect(about).to_contain_text("page 2 of")
    expect(previous).to_be_enabled()
    expect(page.get_by_role("figure").first).to_contain_text(f"image {state(page, SHOWN)[0]}, digit 7")
    expect_pictures(page)

    # Only confident readings; the matrix counts the same ones.
    page.get_by_role("slider", name="at least this sure").focus()
    page.keyboard.press("End")
    expect(about).to_contain_text("MLP: 0 images of 7 misread, at least 100 % sure; page 1 of 1")
    expect(page.get_by_role("figure")).to_have_count(0)
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(about).to_contain_text("at least 90 % sure")
    expect(cell(page, 7, 7)).to_have_text(str(state(page, "int(gallery.confusion[7, 7])")))
    page.get_by_role("combobox", name="true digit").select_option("any")
    expect(about).to_contain_text("images misread, at least 90 % sure")
    assert state(page, "gallery.true_digit") is None


def test_fits_a_phone(open_cell):
    page = open_cell(SOURCE)
    expect(page.get_by_role("figure")).to_have_count(12)
    make_narrow(page)
    expect(page.get_by_role("grid")).to_be_visible()
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
    assert page.get_by_role("gridcell").evaluate_all(TOO_WIDE) == []


# The numbers that do not fit in their cells.
TOO_WIDE = """cells => cells.filter(cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getBoundingClientRect().width > cell.clientWidth;
}).map(cell => cell.textContent)"""
