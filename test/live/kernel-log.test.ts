import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {KernelLog} from '../../source/live/kernel-log.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';

const fault = (slot: string, address: string, path = 'Write'): string =>
	`[    1.587809] DMAR: [DMA ${path} NO_PASID] Request device [${slot}] fault addr ${address} [fault reason 0x05] PTE Write access is not set\n`;

function logFile(t: TestContext, text: string): string {
	const file = path.join(folder(t), 'kern.log');
	fs.writeFileSync(file, text);
	return file;
}

const titles = ({logged}: KernelLog): string[] => logged.faults.map(({title, count}) => `${title} ×${count}`);

async function eventually(there: () => boolean, log: KernelLog): Promise<void> {
	for (let waited = 0; !there(); waited += 10) {
		assert.ok(waited < 10_000, titles(log).join());
		await sleep(10);
	}
}

test('a log is read once: the newest fault comes first, a storm is one fault', async t => {
	const log = new KernelLog(
		logFile(t, fault('05:00.0', '0x1000') + fault('06:00.0', '0x2000', 'Read') + fault('05:00.0', '0x3000')),
	);
	assert.deepEqual(log.logged.closing, []);
	await log.read(false);
	assert.deepEqual(titles(log), ['05:00.0: DMA write refused ×2', '06:00.0: DMA read refused ×1']);
	const [first, second] = log.logged.faults;
	assert.deepEqual(first.access, {rid: 0x500, iova: 0x1000, write: true});
	assert.deepEqual(second.access, {rid: 0x600, iova: 0x2000, write: false});
	assert.deepEqual(
		first.parts.map(({label}) => label),
		['what', 'why', 'often', 'usually', 'look'],
	);
	assert.deepEqual(log.logged.closing, ['3 faults of 2 kinds.']);
});

test('an address beyond a safe integer is shown, but not walked', async t => {
	const log = new KernelLog(logFile(t, fault('05:00.0', '0xfffffffffffff000')));
	await log.read(false);
	const [logged] = log.logged.faults;
	assert.match(logged.parts[0].texts[0], /at 0xfffffffffffff000/);
	assert.equal(logged.access, undefined);
});

test('what is no log is not clear of faults, and an empty one is empty', async t => {
	const file = path.join(folder(t), 'kern.log.bin');
	fs.writeFileSync(
		file,
		Uint8Array.from({length: 4096}, (_, i) => (i * 89 + 7) % 256),
	);
	const data = new KernelLog(file);
	await data.read(false);
	assert.deepEqual([data.shown, data.trouble], [undefined, `${file} is not a log: it is not text.`]);
	const empty = new KernelLog(logFile(t, ''));
	await empty.read(false);
	assert.match(empty.logged.closing.join(), /kern\.log is empty\.$/);
});

test('a log without faults says so, and a missing one is a sentence', async t => {
	const log = new KernelLog(logFile(t, 'nothing of interest\n'));
	await log.read(false);
	assert.match(log.logged.closing.join(), /^This log has no IOMMU faults\. Looked for: /);
	await assert.rejects(
		new KernelLog('/no/such.log').read(true),
		(error: unknown) => error instanceof UserError && /\/no\/such\.log does not exist/.test(error.message),
	);
});

test('a followed log reports new faults; an unchanged fault stays the same object', async t => {
	const file = logFile(t, fault('05:00.0', '0x1000'));
	const log = new KernelLog(file);
	let changes = 0;
	const done = log.read(true, () => changes++);
	const until = (there: () => boolean) => eventually(there, log);
	await until(() => log.logged.faults.length === 1);
	const before = log.logged;
	await sleep(600);
	assert.equal(log.logged, before, 'nothing new, nothing told');
	assert.equal(changes, 1);
	fs.appendFileSync(file, fault('06:00.0', '0x2000'));
	await until(() => log.logged.faults.length === 2);
	assert.equal(log.logged.faults[1], before.faults[0]);
	fs.appendFileSync(file, fault('05:00.0', '0x1000'));
	await until(() => log.logged.faults[0].count === 2);
	assert.deepEqual(titles(log), ['05:00.0: DMA write refused ×2', '06:00.0: DMA write refused ×1']);
	log.close();
	await done;
});

test('a long log does not block the event loop', async t => {
	const log = new KernelLog(logFile(t, fault('05:00.0', '0x1000').repeat(80_000)));
	let turns = 0;
	const timer = setInterval(() => turns++, 1);
	await log.read(false);
	clearInterval(timer);
	assert.ok(turns >= 4, `${turns}`);
});

test('a followed pipe may have no writer yet, and its lines may arrive in pieces', async t => {
	const pipe = path.join(folder(t), 'pipe');
	execFileSync('mkfifo', [pipe]);
	const log = new KernelLog(pipe);
	const done = log.read(true);
	const writer = fs.openSync(pipe, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
	const line = fault('05:00.0', '0x1000');
	fs.writeSync(writer, line + line.slice(0, 60));
	await eventually(() => log.logged.faults.length === 1, log);
	await sleep(600);
	fs.writeSync(writer, line.slice(60));
	await eventually(() => log.logged.faults[0].count === 2, log);
	fs.closeSync(writer);
	log.close();
	await done;
});

test('endless zeros are not a log', async () => {
	await assert.rejects(
		new KernelLog('/dev/zero').read(true),
		(error: unknown) => error instanceof UserError && /\/dev\/zero contains only zeros/.test(error.message),
	);
});

test('a log that can no longer be read keeps its faults and says why', async t => {
	const file = logFile(t, fault('05:00.0', '0x1000'));
	const log = new KernelLog(file);
	const done = log.readOrExplain(true, () => {});
	await eventually(() => log.logged.faults.length === 1, log);
	fs.rmSync(file);
	await sleep(300);
	assert.equal(log.trouble, undefined, 'one that was deleted may be rotated just now');
	fs.mkdirSync(file);
	await done;
	assert.match(log.logged.closing[0], /kern\.log is a directory/);
	assert.equal(log.shown?.faults.length, 1);
});

test('a storm of too many kinds is counted whole and explained a few at a time', async t => {
	const kinds = Array.from({length: 2000}, (_, i) =>
		fault(
			`${(16 + (i >> 8)).toString(16)}:${((i >> 3) & 31).toString(16).padStart(2, '0')}.${i & 7}`,
			'0x1000',
		),
	);
	let asked = 0;
	const log = new KernelLog(logFile(t, kinds.join('')), (_, around) => {
		asked++;
		return around;
	});
	const atOnce: number[] = [];
	const done = log.read(true, () => {
		atOnce.push(asked);
		asked = 0;
	});
	await eventually(() => atOnce.length === 3, log);
	log.close();
	await done;
	assert.equal(log.logged.total, 2000);
	assert.deepEqual(atOnce.slice(0, 3), [20, 20, 20]);
	assert.equal(log.logged.faults.length, new Set(log.logged.faults.map(({number}) => number)).size);
	assert.match(log.logged.closing.join(' '), /2,000/);
});
