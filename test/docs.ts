// npm run docs: writes the pages of docs/ that are made from the code.

import fs from 'node:fs';
import path from 'node:path';
import {manual} from './helpers/manual.js';

const ROOT = path.resolve(import.meta.dirname, '..');
const {description} = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
fs.writeFileSync(path.join(ROOT, 'docs/dmascope.1'), manual(description));
