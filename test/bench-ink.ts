// npm run bench:ink: what a model of a full-screen Ink app costs at 200×60, on the faster Ink of dist/ and on Ink as
// published. Times were just measured here; none of them is a test.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {bundled, type InkKind} from './helpers/bundled.js';
import {bytesOf, startProgram} from './helpers/program.js';

const SIZE = {columns: 200, rows: 60};
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const MIB = 1024 ** 2;
const BEGIN = '\x1b[?2026h';

async function cost(kind: InkKind, change: 'transfer' | 'count', perSecond: number): Promise<string> {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-bench-'));
	const file = await bundled('test/helpers/ink-model-program.tsx', folder, kind);
	const seconds = WARM_UP_SECONDS + SECONDS + 5;
	const program = startProgram({
		...SIZE,
		file: process.execPath,
		args: [file, change, `${perSecond}`, `${seconds}`],
		// 256 colours, as over ssh.
		env: {COLORTERM: ''},
	});
	await program.until('model');
	await sleep(WARM_UP_SECONDS * 1000);
	const [cpu, first, start] = [program.cpuMs(), program.chunks.length, performance.now()];
	await sleep(SECONDS * 1000);
	const [cpuMs, ms] = [program.cpuMs() - cpu, performance.now() - start];
	const chunks = program.chunks.slice(first);
	const resident = program.resident() / MIB;
	await program.close();
	fs.rmSync(folder, {recursive: true});
	const frames = chunks.map(({data}) => data.split(BEGIN).length - 1).reduce((sum, n) => sum + n, 0);
	const per = (total: number, digits: number) => (total / Math.max(1, frames)).toFixed(digits).padStart(6);
	return [
		`${perSecond} ${change}s/s, ${kind} Ink`.padEnd(28),
		`${(frames / (ms / 1000)).toFixed(1).padStart(5)} frames/s`,
		`${per(bytesOf(chunks), 0)} B/frame`,
		`${per(cpuMs, 1)} ms/frame`,
		`${((cpuMs / ms) * 100).toFixed(1).padStart(5)} % of a core`,
		`${resident.toFixed(0).padStart(4)} MiB`,
	].join('  ');
}

for (const [change, perSecond] of [
	['transfer', 10],
	['count', 10],
	['count', 0],
] as const)
	for (const kind of ['stock', 'fast'] as const) console.log(await cost(kind, change, perSecond));
