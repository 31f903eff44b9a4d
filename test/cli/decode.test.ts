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
function running(
	words: string[],
	flags: {json?: boolean; follow?: boolean; all?: boolean} = {},
	stdin = new PassThrough(),
) {
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
	assert.match(quiet.text(), /^This log has no IOMMU faults\. Looked for: the messages of VT-d, AMD-Vi, Arm/);
	assert.equal(await running([logFile(t, '')]).done, 0);
});

const BESIDE =
	'[1.0] nvme 0000:01:00.0: swiotlb buffer is full (sz: 262144 bytes), total 32768 (slots), used 1234 (slots)\n';

test('what stands beside the IOMMU is counted, and explained with --all', async t => {
	const file = logFile(t, BESIDE.repeat(3));
	const brief = running([file]);
	await brief.done;
	assert.match(
		brief.text().replaceAll('\n', ' '),
		/^This log has no IOMMU faults\. .*3 messages about what stands beside the IOMMU .*--all/,
	);
	const all = running([file], {all: true});
	await all.done;
	assert.match(
		all.text().replaceAll('\n', ' '),
		/^0000:01:00\.0: the bounce buffer \(swiotlb\) is full {3}what {4}The log says 3 times: .* means .*swiotlb=131072/,
	);
	const programs = running([file], {all: true, json: true});
	await programs.done;
	const [notice, summary] = programs.printed.map(line => JSON.parse(line));
	assert.deepEqual(
		[notice.type, notice.about, notice.device, notice.count],
		['neighbour', 'swiotlb full', '0000:01:00.0', 3],
	);
	assert.deepEqual([summary.faults, summary.neighbours, summary.notices], [0, 3, 0]);
});

test('a log is clear only where nothing in it is about trouble', async t => {
	const first = async (log: string) => {
		const run = running([logFile(t, log)]);
		await run.done;
		return run.text().replaceAll('\n', ' ');
	};
	assert.match(await first('DMAR: DRHD: handling fault status reg 2\n'), /^Faults were handled \(1 line/);
	assert.match(await first('dmar_fault: 7 callbacks suppressed\n'), /^Faults were handled, but/);
	assert.match(
		await first('sprd-iommu 1.iommu: a new error at 0x1000\n'),
		/^No fault could be read .* 1 line that looks like a fault/,
	);
	assert.match(
		await first("AMD-Vi: Unknown option - 'on'\n"),
		/^AMD-Vi: an unknown word .* No access was refused/,
	);
	assert.match(
		await first('DMAR: Host address width 39\niommu: Default domain type: Translated\n'),
		/^This log has no IOMMU faults/,
	);
});

test('what is no text is no log, unless a message is in it', async t => {
	const data = Buffer.from(Array.from({length: 4096}, (_, i) => (i * 167) & 0xff)).toString('latin1');
	const binary = (text: string): string => {
		const file = logFile(t, '');
		fs.writeFileSync(file, text, 'latin1');
		return file;
	};
	await assert.rejects(running([binary(data)]).done, /^Error: This is not a log: it is not text\.$/);
	const torn = running([binary(`${data}\n${fault('0x1000')}`)]);
	await torn.done;
	assert.match(torn.text(), /1 fault of 1 kind/);
	const zeros = running([binary(`${'\0'.repeat(4096)}${fault('0x1000')}`)]);
	await zeros.done;
	assert.match(zeros.text(), /1 fault of 1 kind/);
	const empty = running([binary('')]);
	await empty.done;
	assert.match(empty.text(), /^This log is empty\.$/m);
});

test('few faults in a moment are no rate, and numbers in JSON are rounded', async t => {
	const at = (time: string) => fault('0x1000').replace('1.587809', time);
	const file = logFile(t, at('1.587809') + at('1.587818'));
	const people = running([file]);
	await people.done;
	assert.match(people.text(), /often {3}2 within 1 ms\n/);
	const programs = running([file], {json: true});
	await programs.done;
	const {seconds, perSecond, first, last} = JSON.parse(programs.printed[0] ?? '');
	assert.deepEqual([seconds, perSecond, first, last], [0.000009, undefined, 1.587809, 1.587818]);
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
