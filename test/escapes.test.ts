// Whatever comes from elsewhere, none of it reaches the output as more than characters: every command, as text and as
// JSON, with hostile text in every place where text comes in.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {main} from '../source/cli/main.js';
import {tarOf} from '../source/live/host/tar.js';
import {streamEvents} from '../source/live/host/trace-log.js';
import {printTo} from '../source/text/print.js';
import {assertHarmless, hostile} from './helpers/escapes.js';
import {FakeMachine} from './helpers/fake-machine.js';
import {fuzz} from './helpers/fuzz.js';
import {group, type Machine, pci, VTD} from './helpers/host-tree.js';
import {folder} from './helpers/lab.js';
import {CLI, startProgram} from './helpers/program.js';

/** Of each test, but for the one whose runs take long. */
const RUNS = 12;
/** What a name in a folder may be made of. */
const fileName = hostile.map(text => text.replace(/[\0/]/g, '').toWellFormed() || 'x');
/** As words of a command line come: no NUL, and well-formed. */
const word = hostile.map(text => text.replaceAll('\0', '').toWellFormed() || 'x');

/** All that was printed, to see that what is hostile came so far. */
let all = '';

/** Runs a command, and checks what it prints. */
async function ran(...argv: string[]): Promise<{code: number; out: string; err: string}> {
	let [out, err] = ['', ''];
	const code = await main(
		argv,
		import.meta,
		printTo({write: text => (out += text)}),
		printTo({write: text => (err += text)}),
	);
	const what = `dmascope ${JSON.stringify(argv)}`;
	assertHarmless(out, what);
	assertHarmless(err, what);
	assert.ok([0, 1, 2].includes(code), `${what} exits with ${code}: ${err}`);
	all += out + err;
	if (code === 2) assert.match(err, /^(dmascope: .+\n)+$/, what);
	return {code, out, err};
}

async function fuzzed<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>, runs = RUNS) {
	all = '';
	await fc.assert(fc.asyncProperty(arbitrary, check), fuzz(runs, 61));
	const written = new Set(all.match(/\\u[0-9a-f]{4}/g));
	assert.ok(written.size > 10, `of hostile text, only ${[...written]} came so far`);
}

const yaml = (text: string): string => JSON.stringify(text.toWellFormed());

test('scenarios: their names, stories, notes and mistakes', async t => {
	const place = folder(t);
	await fuzzed(
		fc.tuple(fileName, hostile, hostile, hostile, word),
		async ([name, a, b, c, set]) => {
			const home = path.join(place, name);
			fs.mkdirSync(home, {recursive: true});
			const file = path.join(home, `${name.slice(0, 8)}.yaml`);
			const steps = `steps:\n  - read: {vm: vm0}\n    note: ${yaml(b)}\n    expect: {data: lost}\n`;
			for (const text of [
				`name: ${yaml(a)}\nstory: ${yaml(c)}\n${steps}`,
				`name: ${yaml(a)}\n${steps}${yaml(b)}: 1\n`,
				`name: x\nsteps:\n  - ${yaml(a)}: ${yaml(c)}\n`,
				`name: x\nsteps:\n  - boot: ${yaml(a)}\n`,
				`name: x\nsteps: *${b.replace(/\s/g, '')}\n`,
				`name: ${b}\nmachine: {${c}: ${a}}\n${steps}`,
				`dmascope: ${yaml(a)}\n${steps}`,
				`name: x\nsteps:\n  - read: {vm: vm0}\n    expect: {console: ${yaml(c)}}\n`,
			]) {
				fs.writeFileSync(file, text);
				await ran('run', file);
				await ran('run', file, file, '--json', '--junit', path.join(home, 'j.xml'));
				await ran('check', file);
				for (const xml of fs.readdirSync(home).filter(each => each.endsWith('.xml')))
					assertHarmless(fs.readFileSync(path.join(home, xml), 'utf8'), 'JUnit');
			}
			await ran('run', file, '--set', set);
			await ran('--replay', file, '--json');
			await ran('present', file);
		},
		3,
	);
});

test('words of the command line, and files that are not there', async t => {
	const place = folder(t);
	await fuzzed(fc.tuple(word, fileName), async ([text, name]) => {
		const nowhere = path.join(place, name, 'x');
		for (const argv of [
			[text],
			[`--${text}`],
			[`-${text}`],
			['run', text],
			['run', 'tour', `--set=${text}=${text}`],
			['run', 'tour', '--junit', path.join(nowhere, 'y')],
			['check', text],
			['present', text],
			['scenarios', text],
			['--replay', text],
			['--policy', text],
			['--iommu', text],
			['--hba', text],
			['--host-memory', text],
			['--theme', text],
			['--cast', text],
			['--disk', nowhere],
			['--config', nowhere],
			['decode', nowhere],
			['decode', text, text],
			['qemu', nowhere],
			['qemu', nowhere, '--every', text],
			['qemu', nowhere, '--log', nowhere],
			['host', '--root', nowhere],
			['host', '--root', '/', '--log', nowhere],
			['host', '--capture', path.join(nowhere, 'y'), '--root', place],
		])
			await ran(...argv);
	});
});

test('a disk’s path and its partitions’ names, and a config file’s words', async t => {
	const place = folder(t);
	await fuzzed(fc.tuple(fileName, hostile, hostile), async ([name, a, b]) => {
		const disk = path.join(place, `${name}.img`);
		fs.writeFileSync(disk, Buffer.alloc(1024 * 1024));
		assert.equal((await ran('--disk', disk)).code, 0);
		JSON.parse((await ran('--disk', disk, '--json')).out);
		const config = path.join(place, `${name}.yaml`);
		for (const text of [
			`theme: ${yaml(a)}`,
			`${yaml(a)}: ${yaml(b)}`,
			`keys: {quit: ${yaml(b)}}`,
			`${a}: *${b}`,
			a,
		]) {
			fs.writeFileSync(config, text);
			await ran('--config', config);
		}
	});
});

test('a kernel log', async t => {
	const file = path.join(folder(t), 'kern.log');
	await fuzzed(fc.tuple(hostile, hostile, fc.uint8Array()), async ([a, b, bytes]) => {
		const lines = [
			`[1.0] DMAR: [DMA Write] Request device [05:00.0] fault addr 0x1000 [fault reason 0x05] ${a}`,
			`[1.1] DMAR: [DMA Write] Request device [05:00.0] fault addr 0x1000 [fault reason 0x77] ${b}`,
			`[1.2] ${a} 0000:05:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT device=05:00.0 ${b}]`,
			`[1.3] vfio-pci 0000:05:00.0 ${b}: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x1 address=0x2 flags=0x3]`,
			`DMAR: fault addr ${b} fault reason ${a}`,
			`${a}: 3 callbacks suppressed`,
			`AMD-Vi: \t${a}`,
		];
		fs.writeFileSync(file, Buffer.concat([Buffer.from(lines.join('\n')), Buffer.from(bytes)]));
		assert.equal((await ran('decode', file)).code, 0);
		for (const line of (await ran('decode', '--json', file)).out.trimEnd().split('\n')) JSON.parse(line);
	});
});

test('a Linux host: names in sysfs, of processes, in a capture, and in its log', async t => {
	const place = folder(t);
	await fuzzed(fc.tuple(fileName, hostile, hostile, hostile), async ([name, a, b, c]) => {
		const bare = a.replaceAll('/', '');
		const machine: Machine = {
			...VTD,
			...group(7, a, `0x1000 0x2000 ${b}\n`),
			...pci('0000:01:00.0', {driver: bare, group: 7}),
			[`/sys/bus/pci/devices/${bare}`]: {to: '../../../devices/pci0000:00/0000:01:00.0'},
			[`/sys/kernel/iommu_groups/${bare}/devices/${bare}`]: {to: 'x'},
			[`/sys/kernel/iommu_groups/7/devices/${bare}`]: {to: c},
			[`/sys/class/iommu/${bare}`]: {to: `../../devices/virtual/iommu/${bare}`},
			'/proc/1/': '',
			'/proc/cmdline': `intel_iommu=on iommu=${c} vfio-pci.ids=${b} ${a}\n`,
			'/proc/sys/kernel/osrelease': `6.1${b}\n`,
			'/proc/4242/comm': `${c}\n`,
			'/proc/4242/cmdline': ['qemu-system-x86_64', '-name', `guest=${b}`, ''].join('\0'),
			'/proc/4242/fd/31': {to: '/dev/vfio/7'},
			'/proc/4243/comm': `${b}\n`,
			'/proc/4243/fd/31': {to: '/dev/vfio/7'},
		};
		const utf8 = (text: string) => Buffer.from(text).toString('latin1');
		const tar = path.join(place, `${name}.tar`);
		const entries = Object.entries(machine).map(
			([where, what]) =>
				({
					path: utf8(where.replace(/\/$/, '')),
					kind: typeof what === 'string' ? (where.endsWith('/') ? 'directory' : 'file') : 'link',
					text: utf8(typeof what === 'string' ? what : 'to' in what ? what.to : ''),
					readable: true,
				}) as const,
		);
		fs.writeFileSync(tar, tarOf(entries));
		const log = path.join(place, `${name}.log`);
		fs.writeFileSync(
			log,
			`DMAR: [DMA Read] Request device [01:00.0] fault addr 0x1000 [fault reason 0x77] ${a}\n`,
		);
		const text = await ran('host', '--root', tar, '--log', log);
		assert.equal(text.code, 0, text.err);
		assert.match(text.out, /FAULTS/);
		JSON.parse((await ran('host', '--root', tar, '--log', log, '--json')).out);
		const again = path.join(place, `${name} again.tar`);
		await ran('host', '--root', tar, '--capture', again);
		fs.rmSync(again, {force: true});
	});
});

test('a QEMU: names, paths, its state, its refusals', async t => {
	await fuzzed(fc.tuple(hostile, hostile), async ([a, b]) => {
		const fake = new FakeMachine(t);
		fake.map(1, 7);
		fake.registers.set(0x220, 0x5000).set(0x228, 0x10).set(0x22c, 0x8000_0005);
		await fake.start();
		fake.answer = ({execute, arguments: {property}}, report) => {
			const value = {
				'query-name': {name: a},
				'query-status': {running: false, status: b},
				'query-pci': [{bus: 0, devices: [{bus: 0, slot: 2, function: 0, qdev_id: b, class_info: {desc: a}}]}],
			}[execute];
			if (value !== undefined) return JSON.stringify({return: value});
			return execute === 'qom-get' && property === 'mem-path'
				? JSON.stringify({return: `/nowhere/${a}`})
				: report;
		};
		const text = await ran('qemu', fake.socket);
		assert.equal(text.code, 0, text.err);
		assert.match(text.out, /DEVICES/);
		JSON.parse((await ran('qemu', fake.socket, '--json')).out);
		fake.answer = () => JSON.stringify({error: {class: a, desc: b}});
		assert.equal((await ran('qemu', fake.socket)).code, 2);
		fake.answer = () => JSON.stringify({return: a});
		assert.equal((await ran('qemu', fake.socket)).code, 2);
		fake.kill();
	});
});

test('a trace: names of tasks and devices', async () => {
	await fuzzed(fc.tuple(hostile, hostile), async ([task, device]) => {
		for (const json of [false, true]) {
			const stop = new AbortController();
			let out = '';
			const print = printTo({write: text => (out += text)});
			const source = {
				missed: 3,
				lost: device,
				poll: () => [
					{is: 'attach', at: 1, task, pid: 2, device} as const,
					{is: 'fault', at: 1, task, pid: 2, device, driver: task, iova: {lo: 1, hi: 0}, flags: 1} as const,
				],
				close: () => {},
			};
			await streamEvents(source, {json, stop: stop.signal}, print, print);
			assertHarmless(out, 'host --trace');
			all += out;
		}
	});
});

test('the dashboard, its recording, and its copies', async t => {
	const place = folder(t);
	const file = path.join(place, 'a.yaml');
	// YAML takes such signs by their numbers alone.
	const evil = yaml('evil \x1b]0;t\x07\x9b2J\u202e\u2028\u200b name').replace(
		/[^ -~]/g,
		sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
	);
	fs.writeFileSync(file, `name: ${evil}\nstory: ${evil}\nsteps:\n  - read: {vm: vm0}\n    note: ${evil}\n`);
	const cast = path.join(place, 'a.cast');
	const args = [CLI, 'present', file, '--cast', cast];
	const program = startProgram({file: process.execPath, args, columns: 200, rows: 60, env: {STY: '1.pts'}});
	await program.until('evil');
	for (const key of [
		' ',
		'y',
		'\r',
		'\x1b2',
		'y',
		'\x1b3',
		'\x1b4',
		'\x1b5',
		'y',
		'\x1b6',
		'\x1b7',
		'\x1b8',
		'y',
		'?',
		'q',
	]) {
		program.write(key);
		await program.quiet(40);
	}
	const data = program.chunks.map(chunk => chunk.data).join('');
	await program.close('SIGKILL');
	const recorded = fs.readFileSync(cast, 'utf8').trimEnd().split('\n').slice(1);
	const played = recorded.map((line): string => JSON.parse(line)[2]).join('');
	assert.ok(data.includes(']52;c;') && !played.includes(']52;'));
	for (const [text, what] of [
		[data.replace(COPIED, ''), 'the dashboard'],
		[played, 'the recording'],
	]) {
		assert.ok(text.includes('evil'), what);
		assertHarmless(text.replace(MODES_AND_CELLS, '').replaceAll('\r', ''), what);
	}
});

const ESC = '\x1b';
/** What the program itself sends: modes, places, colours; and the clipboard, as GNU screen hands it on. */
const MODES_AND_CELLS = new RegExp(`${ESC}\\[[?]?[0-9;]*[A-Za-z]`, 'g');
const COPIED = new RegExp(`${ESC}P(${ESC}]52;c;)?[A-Za-z0-9+/=]*\x07?${ESC}\\\\`, 'g');
