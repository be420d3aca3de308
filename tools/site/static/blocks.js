/* Blocks of code get a button that copies them; blocks wider than the page show on which side they go on. */
const CODE = "article [class*=highlight-]:not(.output) pre";
const WIDE = "article :is(pre, table, div.math)";

function addCopyButton(code) {
  const text = code.textContent.trimEnd();
  const button = document.createElement("button");
  const say = (label) => {
    button.textContent = label;
    setTimeout(() => button.textContent = "Copy", 2000);
  };
  Object.assign(button, { className: "copy", type: "button", textContent: "Copy" });
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

// A page that is neither local nor encrypted has no clipboard.
if (navigator.clipboard) document.querySelectorAll(CODE).forEach(addCopyButton);
const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => showWhereItGoesOn(target)));
for (const block of document.querySelectorAll(WIDE)) {
  sizes.observe(block);
  block.addEventListener("scroll", () => showWhereItGoesOn(block), { passive: true });
}
