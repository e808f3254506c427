import assert from "node:assert/strict";
import { test } from "node:test";

import { describe } from "../dist/index.js";

test("a brightness has the word of the nearest lamp below it", () => {
  assert.equal(describe(900), "a reading lamp");
  assert.equal(describe(0), "dark");
});

test("less than dark is refused", () => {
  assert.throws(() => describe(-1), RangeError);
});
