import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {decode} from '../../source/cli/decode.js';
import {printTo} from '../../source/text/print.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';

const fault = (address: string): string =>
	`[    1.587809] DMAR: [DMA Write NO_PASID] Request device [05:00.0] fault addr ${address} [fault reason 0x05] PTE Write access is not set\n`;

/** A run of the command, what it has printed so far, and its end. */
function running(words: string[], flags: {json?: boolean; follow?: boolean} = {}, stdin = new PassThrough()) {
	const printed: string[] = [];
	const stop = new AbortController();
	let now = 0;
	const done = decode(
		words,
		{json: false, follow: false, ...flags},
		{
			// biome-ignore lint/suspicious/noExplicitAny: a stream that is no terminal
			stdin: stdin as any,
			print: printTo({write: text => printed.push(...text.slice(0, -1).split('\n'))}),
			// A second goes by between two looks.
			clock: () => (now += 1000),
			stop: stop.signal,
		},
	);
	return {printed, done, stop: () => stop.abort(), stdin, text: () => printed.join('\n')};
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
	for (let waited = 0; !condition(); waited += 10) {
		if (waited > 10_000) throw new Error(`it does not come: ${what()}`);
		await sleep(10);
	}
}

function logFile(t: TestContext, text: string | Buffer): string {
	const file = path.join(folder(t), 'kern.log');
	fs.writeFileSync(file, text);
	return file;
}

test('a file, explained, and as JSON', async t => {
	const file = logFile(t, fault('0x69974000') + fault('0x69975000'));
	const people = running([file]);
	assert.equal(await people.done, 0);
	assert.match(
		people.text(),
		/^05:00\.0: DMA write refused\n {2}what {4}Writes at 0x69974000–0x69975000 were refused twice/,
	);
	assert.match(people.text(), /\n2 faults of 1 kind\.$/);
	const programs = running([file], {json: true});
	await programs.done;
	const [group, summary, ...more] = programs.printed.map(line => JSON.parse(line));
	assert.deepEqual(more, []);
	assert.deepEqual(
		[group.type, group.device, group.access, group.reason, group.count, group.lowest, group.highest],
		['faults', '05:00.0', 'write', 5, 2, '0x69974000', '0x69975000'],
	);
	assert.deepEqual(
		[summary.type, summary.faults, summary.kinds, summary.notUnderstood],
		['summary', 2, 1, 0],
	);
});

test('a log without a fault is no error', async t => {
	const quiet = running([logFile(t, 'usb 1-1: new device\n')]);
	assert.equal(await quiet.done, 0);
	assert.equal(quiet.text(), 'This log has no IOMMU faults.');
	assert.equal(await running([logFile(t, '')]).done, 0);
});

test('standard input', async () => {
	for (const words of [[], ['-']]) {
		const run = running(words);
		run.stdin.end(fault('0x1000'));
		await run.done;
		assert.match(run.text(), /1 fault of 1 kind/);
	}
});

const REFUSED: [how: string, make: (t: TestContext) => string[], sentence: RegExp][] = [
	['no such file', () => ['/nope/kern.log'], /^\/nope\/kern\.log does not exist; check the path\.$/],
	['a directory', t => [folder(t)], /is a directory; name a log in it/],
	['two files', () => ['a', 'b'], /^decode takes one log/],
	[
		'a gzip',
		t => [logFile(t, Buffer.from([0x1f, 0x8b, 8, 0]))],
		/compressed \(gzip\); read it with: zcat FILE \| dmascope decode$/,
	],
	['a journal', t => [logFile(t, 'LPKSHHRHxxxx')], /is a journal; read it with: journalctl -k --file FILE/],
];
for (const [how, make, sentence] of REFUSED) {
	test(`${how}: one sentence`, async t => {
		await assert.rejects(
			running(make(t)).done,
			(error: unknown) => error instanceof UserError && sentence.test(error.message),
		);
	});
}

test('a file is followed as it grows, is rotated, and is truncated', async t => {
	const file = logFile(t, fault('0x1000'));
	const run = running([file], {follow: true, json: true});
	const seen = () => run.printed.map(line => JSON.parse(line).address);
	await until(() => seen().length === 1, run.text);
	fs.appendFileSync(file, fault('0x2000').slice(0, 40));
	await sleep(300);
	assert.equal(seen().length, 1, 'half a line is none yet');
	fs.appendFileSync(file, fault('0x2000').slice(40));
	await until(() => seen().length === 2, run.text);
	fs.renameSync(file, `${file}.1`);
	await sleep(300);
	fs.writeFileSync(file, fault('0x3000'));
	await until(() => seen().length === 3, run.text);
	fs.writeFileSync(file, 'x\n');
	await sleep(600);
	fs.appendFileSync(file, fault('0x4000'));
	await until(() => seen().length === 4, run.text);
	run.stop();
	assert.equal(await run.done, 0);
	assert.deepEqual(seen(), ['0x1000', '0x2000', '0x3000', '0x4000', undefined]);
	assert.equal(JSON.parse(run.printed[4]).faults, 4);
});

test('followed for people: a paragraph for what is new, then a line now and again', async t => {
	const file = logFile(t, fault('0x1000'));
	const run = running([file], {follow: true});
	await until(() => /DMA write refused\n/.test(run.text()), run.text);
	fs.appendFileSync(file, fault('0x1000').repeat(500));
	await until(() => /05:00\.0: DMA write refused: 500 more, 501 in all/.test(run.text()), run.text);
	run.stop();
	await run.done;
	assert.equal(run.text().match(/what {4}A write/g)?.length, 1);
	assert.match(run.text(), /501 faults of 1 kind\.$/);
});

test('a pipe is followed as it comes, and ^C has the rest told', async () => {
	const run = running([], {follow: true});
	run.stdin.write(fault('0x1000'));
	await until(() => /DMA write refused/.test(run.text()), run.text);
	run.stop();
	assert.equal(await run.done, 0);
	assert.match(run.text(), /1 fault of 1 kind\.$/);
});
