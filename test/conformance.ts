// npm run conformance -- FILE…: compares the IOMMU's results with another one's.

import fs from 'node:fs';
import {messageOf, UserError} from '../source/user-error.js';
import {parseAmdvi, runAmdviScene} from './helpers/amdvi-vectors.js';
import {isScalableFile, parseScalable, runScalable} from './helpers/scalable-vectors.js';
import {parseVectors, runScene} from './helpers/vectors.js';

const SHOWN = 5;

type Scene = {probes: number; run: (disagree: (text: string) => void) => number};

/** The scenes of either family, VT-d's in legacy or in scalable mode. @throws UserError */
function scenesOf(file: string, text: string): Scene[] {
	if (/^\s*\{\s*"iommu":\s*"amd-vi"/.test(text))
		return parseAmdvi(file, text).map(scene => ({
			probes: scene.probes.length,
			run: disagree => runAmdviScene(scene, disagree),
		}));
	if (isScalableFile(text))
		return parseScalable(file, text).map(scene => ({
			probes: scene.probes.length,
			run: disagree => runScalable(scene, disagree),
		}));
	const vectors = parseVectors(file, text);
	return vectors.scenes.map(scene => ({
		probes: scene.probes.length,
		run: disagree => runScene(vectors, scene, disagree),
	}));
}

function main(files: readonly string[]): number {
	if (files.length === 0) throw new UserError('No file of vectors; use npm run conformance -- FILE…');
	let agreed = 0;
	let total = 0;
	const different: string[] = [];
	for (const file of files) {
		for (const [i, {probes, run}] of scenesOf(file, fs.readFileSync(file, 'utf8')).entries()) {
			agreed += run(text => different.push(`${file}, scene ${i}: ${text}`));
			total += probes;
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
