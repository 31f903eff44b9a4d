// npm run conformance -- FILE…: compares the IOMMU's results with another one's.

import fs from 'node:fs';
import {messageOf, UserError} from '../source/user-error.js';
import {parseVectors, runScene} from './helpers/vectors.js';

const SHOWN = 5;

function main(files: readonly string[]): number {
	if (files.length === 0) throw new UserError('No file of vectors; use npm run conformance -- FILE…');
	let agreed = 0;
	let total = 0;
	const different: string[] = [];
	for (const file of files) {
		const vectors = parseVectors(file, fs.readFileSync(file, 'utf8'));
		for (const [i, scene] of vectors.scenes.entries()) {
			agreed += runScene(vectors, scene, text => different.push(`${file}, scene ${i}: ${text}`));
			total += scene.probes.length;
		}
	}
	for (const text of different.slice(0, SHOWN)) console.log(text);
	if (different.length > SHOWN) console.log(`… and ${different.length - SHOWN} more`);
	console.log(`${agreed} of ${total} agree`);
	return different.length === 0 ? 0 : 1;
}

try {
	process.exitCode = main(process.argv.slice(2));
} catch (error) {
	console.error(`conformance: ${messageOf(error)}`);
	process.exitCode = 2;
}
