/*
 * Blocks of code get a button that copies them; blocks wider than the page show on which side they go on; figures that
 * are shown smaller than they are get a button that enlarges them.
 */
const CODE = "article [class*=highlight-]:not(.output) pre";
const FIGURES = "article .figure > img";
const WIDE = "article :is(pre, table, div.math)";

function makeButton(textContent, properties) {
  return Object.assign(document.createElement("button"), { type: "button", textContent, ...properties });
}

function addCopyButton(code) {
  const text = code.textContent.trimEnd();
  const button = makeButton("Copy", { className: "copy" });
  const say = (label) => {
    button.textContent = label;
    setTimeout(() => button.textContent = "Copy", 2000);
  };
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(text).then(() => say("Copied"), () => say("Not allowed"));
  });
  code.prepend(button);
}

function showWhereItGoesOn(block) {
  const right = block.scrollWidth - block.clientWidth - block.scrollLeft;
  block.classList.toggle("goes-on-left", block.scrollLeft > 1);
  block.classList.toggle("goes-on-right", right > 1);
}

const [dialog, large] = [document.createElement("dialog"), new Image()];
Object.assign(dialog, { className: "enlarged", ariaLabel: "The figure, enlarged" });
const scrolling = document.createElement("div");
scrolling.tabIndex = 0; // so that keys can scroll it
scrolling.append(large);
const size = makeButton("", { onclick: () => showWhole(!dialog.classList.contains("whole")) });
dialog.append(size, makeButton("Close", { autofocus: true, onclick: () => dialog.close() }), scrolling);
dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // beside the figure
large.addEventListener("click", () => size.hidden || size.click());
scrolling.addEventListener("scroll", () => showWhereItGoesOn(scrolling), { passive: true });

function showWhole(whole) {
  dialog.classList.toggle("whole", whole);
  size.textContent = whole ? "Full size" : "Whole figure";
  showWhereItGoesOn(scrolling);
}

function openDialog(image) {
  Object.assign(large, { src: image.currentSrc, alt: image.alt, width: image.naturalWidth });
  large.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
  dialog.showModal();
  showWhole(true);
  size.hidden = image.naturalWidth <= 1.1 * large.clientWidth;
  // The whole of it is no larger than on the page, on a phone for instance.
  if (!size.hidden && large.clientWidth < 1.2 * image.clientWidth) showWhole(false);
  history.pushState({ enlarged: true }, ""); // for "back"
}

dialog.addEventListener("close", () => history.state?.enlarged && history.back());
addEventListener("popstate", () => dialog.close());
// Sphinx would keep the key to itself.
const closeByKey = (event) => {
  if (event.key !== "Escape" || !dialog.open) return;
  event.stopPropagation();
  dialog.close();
};
addEventListener("keydown", closeByKey, { capture: true });

function letItEnlarge(image) {
  const button = image.nextElementSibling;
  const enlarge = () => button.hidden || openDialog(image);
  const decide = () => button.hidden = !image.clientWidth || image.naturalWidth < 1.1 * image.clientWidth;
  for (const part of [image, button]) part.addEventListener("click", enlarge);
  image.addEventListener("load", decide);
  new ResizeObserver(decide).observe(image);
}

document.body.append(dialog);
document.querySelectorAll(FIGURES).forEach(letItEnlarge);
// A page that is neither local nor encrypted has no clipboard.
if (navigator.clipboard) document.querySelectorAll(CODE).forEach(addCopyButton);
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => showWhereItGoesOn(target)));
for (const block of document.querySelectorAll(WIDE)) {
  sizes.observe(block);
  block.addEventListener("scroll", () => showWhereItGoesOn(block), { passive: true });
}
// Sphinx would mark what was searched for on the next page, whichever way one comes there.
if (!document.referrer.includes("/search.html")) localStorage.removeItem("sphinx_highlight_terms");
