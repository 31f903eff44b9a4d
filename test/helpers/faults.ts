// Lines of real kernel logs, and what is to be read out of them.

import fs from 'node:fs';
import path from 'node:path';
import yaml from 'yaml';

export type Expected = {says?: string[]} & Record<string, unknown>;
export type Entry = {
	from?: string;
	'made after'?: string;
	log: string;
	faults: Expected[];
	notUnderstood?: number;
	overflows?: number;
	suppressed?: Record<string, number>;
	/** Faults with their repeats. */
	total?: number;
};

const readEntries = (name: string): Entry[] =>
	yaml.parse(fs.readFileSync(path.resolve(import.meta.dirname, '../live/decode', name), 'utf8'));

/** VT-d's and AMD-Vi's, and after them those of other IOMMUs. */
export const readCorpus = (): Entry[] => [...readEntries('corpus.yaml'), ...readEntries('families.yaml')];
