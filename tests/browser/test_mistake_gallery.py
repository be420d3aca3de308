"""The mistake gallery on a page: by mouse and keyboard, wide and narrow."""

from playwright.sync_api import Locator, Page, expect

from browser.state import STICKING_OUT, make_narrow, state

# Three made-up networks: no TensorFlow is needed.
SOURCE = """\
from mnist_helpers.widgets import MistakeGallery
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


def cell(page: Page, true: int, predicted: int) -> Locator:
    return page.get_by_role("gridcell", name=f"{true} read as {predicted}:")


def expect_pictures(page: Page) -> None:
    """The page shows the images in the state, in the same order, with what each network read."""
    pictures = page.get_by_role("figure")
    words = state(page, "[[each['title'], *each['said']] for each in gallery.content['pictures']]")
    expect(pictures).to_have_count(len(words))
    assert pictures.all_inner_texts() == ["\n".join(lines).replace(" %", "\u00a0%") for lines in words]
    drawn = pictures.last.get_by_role("img", name=words[-1][0]).evaluate(INK)
    assert drawn == state(page, "list(gallery.content['images'][-784:])")


def test_choose_by_mouse_and_keyboard(open_cell):
    page = open_cell(SOURCE)
    about = page.get_by_role("status")
    lists = {name: page.get_by_role("combobox", name=name) for name in ("network", "true digit", "read as")}
    following, previous = (page.get_by_role("button", name=f"{which} page") for which in ("Next", "Previous"))
    mistakes = state(page, "int((probabilities['MLP'].argmax(axis=1) != true).sum())")
    expect(about).to_have_text(f"MLP: {mistakes:,} images misread; page 1 of {-(-mistakes // 12)}")
    expect(previous).to_be_disabled()
    expect_pictures(page)

    # By mouse: another network, and a cell of its matrix.
    lists["network"].select_option("CNN")
    count = state(page, "int(((true == 8) & (probabilities['CNN'].argmax(axis=1) == 2)).sum())")
    expect(cell(page, 8, 2)).to_have_text(str(count))
    cell(page, 8, 2).hover()
    expect(page.get_by_text(f"8 read as 2: {count}", exact=True)).to_be_visible()
    cell(page, 8, 2).click()
    expect(about).to_have_text(f"CNN: {count} images of 8 misread as 2; page 1 of {-(-count // 12)}")
    expect_pictures(page)

    # By keyboard: to a neighbor, and on to the diagonal, where digits are read correctly.
    page.keyboard.press("ArrowRight")
    expect(cell(page, 8, 3)).to_be_focused()
    expect(about).to_contain_text("of 8 misread as 3; page 1 of")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(about).to_contain_text("of 8 read correctly; page 1 of")
    expect(page.locator(SELECTED)).to_have_text(str(state(page, "len(gallery.selection)")))

    # The same cell again, after another control has cleared the selection.
    lists["read as"].select_option("any")
    expect(about).to_contain_text("images of 8 misread; page 1 of")
    expect(page.locator(SELECTED)).to_have_count(0)
    cell(page, 8, 8).click()
    expect(about).to_contain_text("of 8 read correctly; page 1 of")

    # By keyboard: lists. Elsewhere, 3 and the arrow keys are JupyterLab's shortcuts.
    lists["read as"].select_option("any")
    lists["true digit"].focus()
    page.keyboard.type("3")
    expect(about).to_contain_text("images of 3 misread; page 1 of")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(about).to_contain_text("images of 7 misread; page 1 of")
    page.keyboard.press("Tab")
    expect(lists["read as"]).to_be_focused()

    # Pages
    following.focus()
    page.keyboard.press("Enter")
    expect(about).to_contain_text("page 2 of")
    expect(previous).to_be_enabled()
    expect_pictures(page)

    # Only confident readings; the matrix counts the same ones.
    page.get_by_role("slider", name="at least this sure").focus()
    page.keyboard.press("End")
    expect(about).to_contain_text("CNN: 0 images of 7 misread, at least 100 % sure; page 1 of 1")
    expect(page.get_by_role("figure")).to_have_count(0)
    expect(following).to_be_disabled()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(about).to_contain_text("at least 90 % sure")
    expect(cell(page, 7, 7)).to_have_text(str(state(page, "int(gallery.confusion[7, 7])")))

    # From code
    state(page, "gallery.set_trait('true_digit', None)")
    expect(about).to_contain_text("images misread, at least 90 % sure")
    expect(lists["true digit"]).to_have_value("any")

    make_narrow(page)
    assert page.locator(".jp-OutputArea-output").last.evaluate(STICKING_OUT) == []
    assert page.get_by_role("gridcell").evaluate_all(TOO_WIDE) == []


# The ink in a canvas
INK = """canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]
    .filter((_, i) => i % 4 === 0).map(gray => 255 - gray)"""
# The numbers that do not fit in their cells
TOO_WIDE = """cells => cells.filter(cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getBoundingClientRect().width > cell.clientWidth;
}).map(cell => cell.textContent)"""
