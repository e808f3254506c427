#!/usr/bin/env node
import { describe } from "./index.js";

console.log(describe(Number(process.argv[2])));
