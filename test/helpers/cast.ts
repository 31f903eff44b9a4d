// A recording as asciinema plays it: asciicast v2, a header and then events, a line of JSON each.
// https://docs.asciinema.org/manual/asciicast/v2/

import type {Chunk, Size} from './program.js';

/** What comes within so many milliseconds comes at once, so that two recordings differ little. */
const GRAIN_MS = 50;

export function castOf(title: string, {columns, rows}: Size, chunks: readonly Chunk[]): string {
	const header = {version: 2, width: columns, height: rows, title, env: {TERM: 'xterm-256color'}};
	const events = new Map<number, string>();
	for (const {at, data} of chunks) {
		const grain = Math.round(at / GRAIN_MS);
		events.set(grain, (events.get(grain) ?? '') + data);
	}
	const lines = [...events].map(([grain, data]) => [(grain * GRAIN_MS) / 1000, 'o', data]);
	return [header, ...lines].map(line => `${JSON.stringify(line)}\n`).join('');
}
