const words = WORDS;

/** Return the word for a brightness in lumens. */
export function describe(lumens) {
  if (!Number.isFinite(lumens) || lumens < 0) throw new RangeError("lumens are zero or more");
  return words.filter(([least]) => lumens >= least).at(-1)[1];
}
