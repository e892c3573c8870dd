// Before anything is drawn: the theme asks the system for light or dark only when all its scripts
// have come, and a dark page was light until then. A table of formulas waits for them, see book.css.
{
  const page = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const { mode } = page.dataset;
  page.dataset.theme = ["light", "dark"].includes(mode) ? mode : dark ? "dark" : "light";
  page.classList.add("formulas-to-come");
  // MathJax's own promise may be kept before all formulas are set: so they are looked at.
  const raw = () => window.MathJax?.version && document.querySelector(".math:not(:has(mjx-container))");
  const come = (tries) => {
    if (raw() && tries) setTimeout(come, 50, tries - 1);
    else document.fonts.ready.then(() => page.classList.remove("formulas-to-come"));
  };
  addEventListener("load", () => come(200));
}
// Repairs to the theme's markup that no setting offers. Each says what was wrong.
document.addEventListener("DOMContentLoaded", () => {
  const each = (selector, repair) => document.querySelectorAll(selector).forEach(repair);
  // The label said something else than the words that one sees.
  each(".search-button-field, details.hide > summary",
    (element) => element.removeAttribute("aria-label"));
  // The arrow that unfolds a part of the contents had no name.
  each(".bd-sidebar summary", (arrow) => arrow.setAttribute("aria-label",
    "Pages under " + arrow.closest("li").querySelector("a").textContent.trim()));
  // A list whose parts have another role than that of a list's.
  each(".citation-list", (list) => list.removeAttribute("role"));
  // A checkbox in a list had no name.
  each(".task-list-item-checkbox",
    (box) => box.setAttribute("aria-label", box.parentElement.textContent.trim()));
  // A formula too wide for the page scrolls, and the keyboard could not reach it to do so.
  const reach = () => each("mjx-container[display], div.math", (formula) => {
    formula.tabIndex = formula.scrollWidth > formula.clientWidth ? 0 : -1;
  });
  window.MathJax?.startup?.promise?.then(reach);
  window.addEventListener("resize", reach);
  // Icons are drawn by a font: nothing to read aloud.
  each("i[class*='fa-']", (icon) => icon.setAttribute("aria-hidden", "true"));
  // Paper is white: a dark page is printed as the light one.
  const page = document.documentElement;
  window.addEventListener("beforeprint", () => {
    page.dataset.before = page.dataset.theme;
    page.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => { page.dataset.theme = page.dataset.before; });
});
