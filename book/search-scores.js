// How the search weighs what it finds. Sphinx puts it into its own script (html_search_scorer).
var Scorer = {
  // What the API page lists comes behind every page that explains: a reader who looks for "bias" wants the chapter.
  score: ([docname, , , , score]) => (docname === "reference/api" ? score - 1000 : score),
  // The numbers below are Sphinx' own.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
