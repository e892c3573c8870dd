// Who looks for a word wants the chapter or the glossary before a solution, a checker or the changes.
Scorer.score = ([page, , , , score]) => {
  if (page.startsWith("chapters/solutions/") || page === "reference/check") return score - 15;
  if (page.startsWith("chapters/")) return score + 6;
  return page === "CHANGELOG" ? score - 15 : score;
};
