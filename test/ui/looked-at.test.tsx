// The dashboard over a read-only machine: its domains, and its last picture when it is gone.

import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import chalk from 'chalk';
import {UNKNOWN} from '../../source/explain/ranges.js';
import {hex} from '../../source/formats/address.js';
import type {MachineState, ObservedMachine} from '../../source/machine/observed.js';
import {refresh} from '../../source/ui/state/refresh.js';
import {stateWith} from '../helpers/state.js';
import {openDashboard} from '../helpers/terminal.js';

const mapping = (page: number, pages: number) => ({
	iova: page * 4096,
	hpa: 0x100000 + page * 4096,
	pages,
	read: true,
	write: true,
});
const domain = (id: number, mappings: ReturnType<typeof mapping>[]) => ({
	id,
	role: 'os' as const,
	format: 'vt-d' as const,
	root: 0x1000 * id,
	levels: 3,
	mappings,
});

function observed(): ObservedMachine & {change: (parts: Partial<MachineState>) => void} {
	let state = stateWith({
		title: 'qemu vm1',
		writer: 'the guest',
		notes: ['What is cached cannot be seen.'],
		unit: {
			format: 'vt-d',
			enabled: true,
			table: 0x1000,
			capLo: 0,
			capHi: 0,
			ecapLo: 0,
			hostAddressWidth: 39,
		},
		domains: [domain(2, [mapping(0, 8)]), domain(3, [mapping(0, 1), mapping(4, 2)])],
		devices: [
			{rid: 0x10, name: 'nvme0', driver: '', domain: 2, untranslated: false},
			{rid: 0x18, name: 'em0', driver: '', domain: 3, untranslated: false},
			{rid: 0x20, name: 'edu0', driver: '', untranslated: false},
		],
		owned: [{hpa: 0, pages: 0x10000, owner: UNKNOWN}],
		faultLog: {kind: 'registers', total: 1, used: 0, overflow: false, kernelLines: []},
	});
	return {
		kind: 'tables' as const,
		memory: {page: () => undefined},
		state: () => state,
		change: parts => {
			state = {...state, ...parts, revision: state.revision + 1, tables: state.tables + 1};
		},
		close: () => {},
	};
}

const open = (t: TestContext, columns = 80, rows = 24) => {
	const machine = observed();
	return {machine, ...openDashboard(t, machine, columns, rows)};
};

test('it lists its domains and shows the chosen one; it has nothing of the lab', async t => {
	const {screen, press} = open(t);
	const first = await screen();
	assert.match(first, /qemu vm1 · vt-d .*1 overview {2}2 3 4 7 8/);
	assert.match(first, /DOMAINS ─ 2/);
	assert.match(first, /DOMAIN 2 ─ nvme0 ─ 8 pages/);
	assert.match(first, /0:2:0 +nvme0 +domain 2/);
	assert.match(first, /0:4:0 +edu0 +no domain/);
	assert.match(first, /FAULTS ─ 0 faults seen/);
	assert.doesNotMatch(first, /GUEST|HOST|CONSOLE|MODEL|BUFFER|lab|policy|vm0/);
	assert.match(await press('down'), /DOMAIN 3 ─ em0 ─ 3 pages/);
});

test('Tab and numbers skip missing views; commands that need the lab say so', async t => {
	const {press, store} = open(t);
	const visited = [];
	for (let i = 0; i < 5; i++) {
		visited.push(store.getState().focus);
		await press('tab');
	}
	assert.deepEqual(visited, ['domains', 'domain', 'devices', 'faults', 'domains']);
	for (const [key, panel] of [
		['2', 'domains'],
		['3', 'walk'],
		['4', 'map'],
		['7', 'faults'],
		['8', 'diagnosis'],
	]) {
		await press(key);
		assert.equal(store.getState().focus, panel);
	}
	for (const key of ['5', '6', 'p', 'n', 'r', 't', 'o', 'v', 'space', '+', 'w', '[']) await press(key);
	assert.equal(store.getState().view, 'diagnosis');
	assert.match(await press('p'), /This machine is read-only\./);
	assert.match(await press('?'), /What is cached cannot be seen\./);
});

test('Enter walks a row of a filtered table', async t => {
	const {press, store} = open(t, 120, 40);
	await press('down', 'tab', '/', '>', '1', 'enter');
	const filtered = await press('down');
	assert.match(filtered, /1 row of 2: >1/);
	const walk = await press('enter');
	assert.match(walk, /WALK ─ em0 0:3:0 writes 0x00004000/);
	assert.match(walk, /The IOMMU may still answer from its caches, which cannot be seen from here/);
	assert.equal(store.getState().view, 'walk');
});

test('the map shows memory that no domain, one or several reach; its cursor is the page', async t => {
	const {press, screen, store} = open(t, 120, 40);
	store.setState({page: 0x100000});
	const shown = await press('4');
	assert.match(shown, /MEMORY ─ [\d.]+ KiB per cell ─ 0x00100000/);
	assert.match(shown, /■ no domain, 65,528 pages {2}■ one domain, 5 pages {2}■ several domains, 3 pages/);
	await press('down');
	const {page} = store.getState();
	assert.ok(page > 0x100000);
	assert.match(await screen(), new RegExp(`WHO REACHES ${hex(page)}`));
});

test('a new mapping lights up, and its domain too', async t => {
	const {machine, store, screen} = open(t);
	const [first, second] = machine.state().domains;
	const before = store.getState().views;
	machine.change({domains: [first, domain(3, [...(second.mappings ?? []), mapping(9, 1)])]});
	refresh(store);
	assert.equal(store.getState().changed.size, 1);
	assert.equal(store.getState().views[0], before[0], 'an unchanged domain is not decoded again');
	assert.match(await screen(), /3 +4 +em0/);
});

/** The dim tone of the dark theme. */
const GREY = 0x8a8a8a;

test('a machine that is gone keeps its last picture under a STALE bar until it is back', async t => {
	const {level} = chalk;
	chalk.level = 3;
	t.after(() => {
		chalk.level = level;
	});
	const {machine, store, screen, terminal} = open(t);
	const colourOf = (x: number, y: number) => terminal.buffer.active.getLine(y)?.getCell(x)?.getFgColor();
	await screen();
	assert.notEqual(colourOf(4, 1), GREY);
	machine.change({lost: {why: 'QEMU has closed the connection.', lastSeen: '12:34:56'}});
	refresh(store);
	const gone = await screen();
	assert.match(gone, /last seen 12:34:56/);
	assert.match(gone, /STALE since 12:34:56: QEMU has closed the connection\./);
	assert.match(gone, /DOMAIN 2 ─ nvme0 ─ 8 pages/);
	assert.equal(colourOf(4, 2), GREY);
	machine.change({lost: undefined});
	refresh(store);
	const back = await screen();
	assert.doesNotMatch(back, /last seen|STALE/);
	assert.match(back, /qemu vm1 is back\./);
});
