// What --json prints, against its schemas: the strict ones that the types come from, and those that ship.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import {type TestContext, test} from 'node:test';
import {decode} from '../source/cli/decode.js';
import {Given, SCHEMAS} from '../source/cli/flags.js';
import {runScenarios} from '../source/cli/run.js';
import {list} from '../source/cli/scenarios.js';
import {outputOf, schemaOf} from '../source/cli/schemas.js';
import {snapshotJson} from '../source/explain/snapshot.js';
import {printHost} from '../source/live/host/open.js';
import {traceEvent} from '../source/live/host/trace-events.js';
import {streamEvents} from '../source/live/host/trace-log.js';
import {lineText, type Print, versioned} from '../source/text/print.js';
import type {Line} from '../source/text/rows.js';
import {readCorpus} from './helpers/faults.js';
import {capturedHost} from './helpers/host-machine.js';
import {folder, openTestLab, read} from './helpers/lab.js';
import {check, shipped} from './helpers/outputs.js';
import {fits} from './helpers/schema.js';

/** A printer, and the JSON that it got: a line each, or all of it one value. */
function printed(): {print: Print; lines: () => unknown[]; whole: () => unknown} {
	const got: string[] = [];
	const print = (lines: string | readonly Line[]) =>
		void got.push(...(typeof lines === 'string' ? [lines] : lines).map(line => lineText(line)));
	return {
		print,
		lines: () => got.map(line => JSON.parse(line)),
		whole: () => JSON.parse(got.join('\n')),
	};
}

for (const name of SCHEMAS)
	test(`the shipped schema of ${name} is up to date; npm run schema writes it`, () => {
		assert.deepEqual(shipped(name), JSON.parse(JSON.stringify(schemaOf(name))));
	});

test('snapshots of labs fit their schema', t => {
	for (const iommu of ['vt-d', 'amd-vi', 'none'] as const) {
		const guests = iommu === 'none' ? {guests: []} : {};
		const lab = openTestLab(t, {iommu, ...guests});
		if (iommu !== 'none') {
			read(lab, 'vm0');
			lab.dispatch({do: 'dma', device: 'ppt0', access: 'write', gpa: 2 ** 30, bytes: 4096});
		}
		check('snapshot', JSON.parse(JSON.stringify(versioned(snapshotJson(lab)))));
	}
});

test('lines of a run fit their schema', () => {
	const {print, lines} = printed();
	const words = ['pr-260178', 'failed-bind-leak', 'stale-iotlb', 'usb-disk'];
	runScenarios(words, {flags: {writable: false}, json: true}, print, assert.fail);
	for (const line of lines()) check('run', line);
	assert.ok(lines().length > 40);
	const alone = printed();
	runScenarios(['tour'], {flags: {writable: false}, json: true}, alone.print, assert.fail);
	for (const line of alone.lines()) check('run', line);
});

async function decoded(t: TestContext, log: Buffer, follow: boolean): Promise<unknown[]> {
	const file = path.join(folder(t), 'kern.log');
	fs.writeFileSync(file, log);
	const {print, lines} = printed();
	const stop = new AbortController();
	const streams = {stdin: new PassThrough(), print, clock: () => 0, stop: stop.signal};
	const done = decode([file], {json: true, follow, all: true}, streams);
	if (follow) stop.abort();
	await done;
	return lines();
}

test('lines of a decoded log fit their schema', async t => {
	const log = Buffer.from(
		readCorpus()
			.map(({log}) => log)
			.join(''),
	);
	const lines = await decoded(t, log, false);
	for (const line of lines) check('decode', line);
	assert.ok(lines.length > 50);
	for (const line of await decoded(t, log, true)) check('decode', line);
});

test('a host fits its schema', async () => {
	const {print, whole} = printed();
	const machine = await capturedHost();
	await printHost(machine, true, print);
	check('host', whole());
});

test('events of a trace fit their schema', async () => {
	const file = path.resolve(import.meta.dirname, 'live/host/trace.txt');
	const events = fs
		.readFileSync(file, 'utf8')
		.trimEnd()
		.split('\n')
		.flatMap(line => traceEvent(line) ?? []);
	const {print, lines} = printed();
	const source = {poll: () => events, missed: 0, lost: 'no more', close: () => {}};
	await streamEvents(source, {json: true, stop: new AbortController().signal}, print, () => {});
	for (const line of lines()) check('trace', line);
	assert.ok(lines().length > 10);
});

test('the list of scenarios fits its schema', () => {
	const {print, whole} = printed();
	list(new Given(new Map([['json', []]])), print);
	const all = whole();
	assert.ok(Array.isArray(all) && all.length > 10);
	const rest = all.map(({schemaVersion, ...each}) => {
		assert.equal(schemaVersion, 1);
		return each;
	});
	assert.deepEqual(outputOf('scenarios').parse(rest), rest);
	assert.ok(fits(shipped('scenarios'), all));
});
