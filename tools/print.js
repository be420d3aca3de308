/*
 * Prepares the single page of the course for print, where nothing can be opened, pressed or loaded: what the pages
 * fold away stands at the end of its notebook, numbered, and where it was is said where it went.
 */
globalThis.prepareForPrint = async () => {
  const site = document.querySelector("link[rel=canonical]")?.href;
  leaveOut("take_away", site && new URL("take_away.html", site).href);
  for (const link of document.querySelectorAll(".headerlink")) link.remove();
  for (const place of document.querySelectorAll('span[id^="document-"]')) {
    const page = place.nextElementSibling;
    if (place.parentElement.closest('span[id^="document-"] + section')) continue; // a page of that one
    if (/document-\d/.test(place.id)) moveAnswers(page, place.id);
    for (const heading of page.querySelectorAll("h3, h4, h5, h6")) promote(heading);
  }
  const images = [...document.querySelectorAll("img[src]")];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode()));
  return [...document.querySelectorAll("h1, h2, h3, h4, h5, h6, [role=heading]")]
    .filter((heading) => heading.checkVisibility())
    .map(({ textContent }) => textContent.replace(/\s+/g, " ").trim());
};

/** Leave out a page, and what names it; a text that links to it links to the site, if there is one. */
function leaveOut(name, address) {
  for (const link of document.querySelectorAll(`a[href^="#document-${name}"]`)) {
    if (address && !link.closest("li.toc-entry")) link.href = address;
    else link.closest("li, p").remove();
  }
  const place = document.getElementById(`document-${name}`);
  place.nextElementSibling.remove();
  place.remove();
}

/** A notebook's headings are two levels deep, because its page is in a section of the first page. */
function promote(heading) {
  const promoted = make(`h${heading.tagName[1] - 2}`, ...heading.childNodes);
  promoted.id = heading.id;
  heading.replaceWith(promoted);
}

/** Move what is folded, but code, to the end of a notebook. What folds follow each other are one answer. */
function moveAnswers(notebook, name) {
  const end = make("section", make("h4", "Answers and solutions"));
  let count = 0;
  for (const fold of notebook.querySelectorAll("details")) {
    if (fold.matches(".fold") && !fold.querySelector(".cell_output")) {
      fold.querySelector("summary").remove();
      fold.replaceWith(...fold.childNodes);
    } else if (notebook.contains(fold)) { // and is not moved yet
      const folds = [fold];
      while (after(folds.at(-1))) folds.push(after(folds.at(-1)));
      count += 1;
      const heading = make("h5", `Answer ${count}, to “${titleOf(fold)}”`);
      heading.id = `${name}-answer-${count}`;
      end.append(heading, ...moved(folds, heading.id, count));
    }
  }
  notebook.append(end);
}

/** The fold that follows a fold, be it the next answer or the next cell of a solution. */
function after(fold) {
  const next = fold.nextElementSibling ?? fold.closest(".cell")?.nextElementSibling;
  return next?.matches("details") ? next : next?.querySelector(":scope.tag_solution > details.hide");
}

/** Replace folds by what they are called and where they went; return what was in them. */
function moved(folds, id, count) {
  const link = make("a", `answer ${count}`);
  link.href = `#${id}`;
  const plain = folds[0].matches(".fold, .hide"); // what an output or a solution is called says nothing more
  const names = folds.map((fold) => [...fold.querySelector("summary").childNodes]);
  const pointer = make("p", "→ ", link, ", at the end of this notebook");
  pointer.className = "answer-at-the-end";
  const choices = plain ? [] : [make("ul", ...names.map((name) => make("li", ...copies(name))))];
  folds[0].before(...choices, pointer);
  return folds.flatMap((fold, i) => {
    fold.querySelector("summary").remove();
    fold.remove();
    return [...(plain ? [] : [make("p", make("b", ...names[i]))]), ...fold.childNodes];
  });
}

function titleOf(part) {
  return part.closest("section").querySelector("h3, h4, h5, h6").textContent.trim();
}

function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

function copies(nodes) {
  return nodes.map((node) => node.cloneNode(true));
}
