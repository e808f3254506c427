// Puts the table of words into the code, so that the package is one file to load.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const words = JSON.parse(readFileSync("src/words.json", "utf8"));
const code = readFileSync("src/index.js", "utf8").replace("WORDS", JSON.stringify(words));
mkdirSync("dist", { recursive: true });
writeFileSync("dist/index.js", code);
writeFileSync("dist/cli.js", readFileSync("src/cli.js", "utf8"));
chmodSync("dist/cli.js", 0o755);
