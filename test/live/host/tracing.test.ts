// A tracefs of files: making an instance fills it, as the kernel does, and removing it takes all of it away.

import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type {TestContext} from 'node:test';
import {test} from 'node:test';
import {Tracing} from '../../../source/live/host/tracing.js';
import {UserError} from '../../../source/user-error.js';
import {folder} from '../../helpers/lab.js';

const TRACING = 'sys/kernel/tracing';
const EVENTS = ['map', 'unmap', 'attach_device_to_domain'];
const line = (text: string) => `    kworker/0:1H-38      [000] .....    11.859841: ${text}\n`;
const map = (page: number) =>
	line(
		`map: IOMMU: iova=0x${(page * 4096).toString(16).padStart(16, '0')} paddr=0x0000000000001000 size=4096`,
	);

type Pipe = (file: string) => void;
const fifo: Pipe = file => execFileSync('mkfifo', [file]);

type Setup = {place?: string; pipe?: Pipe; events?: string[]; code?: string};

/** `code`: the error that making an instance ends with. */
function tracefs(t: TestContext, {place = TRACING, pipe = fifo, events = EVENTS, code}: Setup = {}) {
	const root = folder(t);
	const at = path.join(root, place);
	const fill = (where: string) => {
		for (const name of events) {
			make(path.join(where, 'events/iommu', name), {recursive: true});
			fs.writeFileSync(path.join(where, 'events/iommu', name, 'enable'), '0');
		}
		if (events.length > 0) fs.writeFileSync(path.join(where, 'events/iommu/enable'), 'X');
		for (const name of ['trace_clock', 'trace_options']) fs.writeFileSync(path.join(where, name), '');
	};
	const make = fs.mkdirSync;
	make(path.join(at, 'instances'), {recursive: true});
	fill(at);
	t.mock.method(fs, 'mkdirSync', (where: string) => {
		if (code !== undefined) throw Object.assign(new Error(code), {code});
		make(where);
		fill(where);
		pipe(path.join(where, 'trace_pipe'));
	});
	t.mock.method(fs, 'rmdirSync', (where: string) => fs.rmSync(where, {recursive: true}));
	const instances = path.join(at, 'instances');
	const instance = path.join(instances, `dmascope-${process.pid}`);
	return {
		root,
		instances,
		instance,
		names: () => fs.readdirSync(instances),
		content: (file: string) => fs.readFileSync(path.join(instance, file), 'utf8'),
	};
}

const fails = (root: string, message: RegExp) =>
	assert.throws(
		() => Tracing.open(root),
		error => error instanceof UserError && message.test(error.message),
	);

test('a tracing instance of its own, with the available events and a shared clock', t => {
	const {root, names, content} = tracefs(t);
	const tracing = Tracing.open(root);
	assert.deepEqual(names(), [`dmascope-${process.pid}`]);
	for (const name of EVENTS) assert.equal(content(`events/iommu/${name}/enable`), '1');
	assert.equal(content('events/iommu/enable'), 'X');
	assert.equal(content('trace_clock'), 'mono');
	tracing.close();
	assert.deepEqual(names(), []);
	tracing.close();
	assert.deepEqual(tracing.poll(), []);
});

test('events arrive as they happen; an incomplete line waits for its end', t => {
	const {root, instance} = tracefs(t, {place: 'sys/kernel/debug/tracing'});
	const tracing = Tracing.open(root);
	const pipe = fs.openSync(path.join(instance, 'trace_pipe'), fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
	t.after(() => fs.closeSync(pipe));
	assert.deepEqual(tracing.poll(), []);
	const text = line('attach_device_to_domain: IOMMU: device=0000:00:03.0');
	fs.writeSync(pipe, text.slice(0, 30));
	assert.deepEqual(tracing.poll(), []);
	fs.writeSync(pipe, `${text.slice(30)}junk\n${'x'.repeat(5000)}`);
	assert.deepEqual(tracing.poll(), [
		{at: 11.859841, task: 'kworker/0:1H', pid: 38, is: 'attach', device: '0000:00:03.0'},
	]);
	fs.writeSync(pipe, `\nCPU:3 [LOST 113 EVENTS]\n${map(7)}CPU:0 [LOST EVENTS]\n`);
	assert.deepEqual(
		tracing.poll().map(({is}) => is),
		['map'],
	);
	assert.equal(tracing.missed, 114);
	assert.equal(tracing.lost, undefined);
	tracing.close();
});

test('a storm is read in pieces without losing events', t => {
	const lines = Array.from({length: 30_000}, (_, page) => map(page)).join('');
	const {root} = tracefs(t, {pipe: file => fs.writeFileSync(file, lines)});
	const tracing = Tracing.open(root);
	const polls: number[] = [];
	const pages: number[] = [];
	for (;;) {
		const events = tracing.poll();
		if (events.length === 0) break;
		polls.push(events.length);
		for (const event of events) if (event.is === 'map') pages.push(event.iova.lo / 4096);
	}
	const most = (1 << 20) / map(0).length;
	assert.ok(
		polls.slice(0, -1).every(count => count > most * 0.9 && count < most * 1.1),
		polls.join(),
	);
	assert.deepEqual(
		pages,
		Array.from({length: 30_000}, (_, page) => page),
	);
	tracing.close();
});

test('a trace that can no longer be read says so', t => {
	const {root, names} = tracefs(t, {pipe: file => fs.writeFileSync(file, '')});
	const tracing = Tracing.open(root);
	t.mock.method(fs, 'readSync', () => {
		throw Object.assign(new Error('ENODEV: no such device, read'), {code: 'ENODEV'});
	});
	assert.deepEqual(tracing.poll(), []);
	assert.match(tracing.lost ?? '', /can no longer be read: ENODEV.*restart dmascope/);
	tracing.close();
	assert.deepEqual(names(), []);
});

test('instances of killed dmascopes are removed, and nothing else', t => {
	const {root, instances, names} = tracefs(t);
	// No process has a number past 2^22.
	for (const name of ['dmascope-9999999', 'dmascope-1', 'dmascope-', 'others'])
		execFileSync('mkdir', [path.join(instances, name)]);
	const tracing = Tracing.open(root);
	const left = ['dmascope-', 'dmascope-1', 'others'];
	assert.deepEqual(names().sort(), [...left, `dmascope-${process.pid}`].sort());
	tracing.close();
	assert.deepEqual(names().sort(), left);
});

test('without tracing, one sentence says how to enable it', t => {
	fails(folder(t), /\/sys\/kernel\/tracing does not exist; run dmascope on the host/);
	const unmounted = folder(t);
	fs.mkdirSync(path.join(unmounted, TRACING), {recursive: true});
	fails(
		unmounted,
		/not mounted; run this as root on the host: mount -t tracefs tracefs \/sys\/kernel\/tracing$/,
	);
	fs.mkdirSync(path.join(unmounted, TRACING, 'events'));
	fails(unmounted, /no instances/);
	fails(tracefs(t, {events: []}).root, /no IOMMU trace events; boot one built with CONFIG_FTRACE/);
});

function as(t: TestContext, user: number): void {
	const own = process.getuid;
	process.getuid = () => user;
	t.after(() => {
		process.getuid = own;
	});
}

for (const [code, user, message] of [
	['EACCES', 1000, /Only root may trace the kernel; run sudo dmascope host --trace/],
	['EROFS', 0, /tracing from here \(EROFS\); run dmascope on the host, outside a container/],
	['EEXIST', 0, /Another dmascope/],
	['ENOMEM', 0, /cannot be used: ENOMEM/],
] as const)
	test(`where making an instance ends with ${code}, the sentence fits`, t => {
		as(t, user);
		fails(tracefs(t, {code}).root, message);
	});

test('an instance that cannot be set up is not left behind', t => {
	const {root, names} = tracefs(t, {pipe: () => {}});
	fails(root, /cannot be used: ENOENT/);
	assert.deepEqual(names(), []);
});
