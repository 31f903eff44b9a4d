// The dashboard over a host that was captured: its groups, what is wrong with them, and its faults.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {type TestContext, test} from 'node:test';
import {traceEvent} from '../../source/live/host/trace-events.js';
import type {MachineState} from '../../source/machine/observed.js';
import {refresh} from '../../source/ui/state/refresh.js';
import {capturedHost} from '../helpers/host-machine.js';
import {openDashboard} from '../helpers/terminal.js';

test('the overview lists groups with their owners, and the chosen one with its devices', async t => {
	const {screen, press} = openDashboard(t, await capturedHost(), 120, 40);
	const first = await screen();
	assert.match(first, /host intel\.tar · vt-d .*1 overview {2}2 domains 7 faults 8 diagnosis 9 events/);
	assert.match(first, /GROUPS ─ 8/);
	assert.match(first, /6 {2}VM web +01:00\.0 Ethernet controller · vfio/);
	assert.match(first, /UNITS ─ 1[\s\S]*dmar0 {2}VT-d, version 1\.0/);
	assert.match(first, /FAULTS ─ 3 in /);
	assert.doesNotMatch(first, /GUEST|DOMAIN|CONSOLE|MODEL|lab|policy/);
	const web = await press(...Array.from({length: 10}, () => 'down'));
	assert.match(web, /GROUP 6[\s\S]*Group 6 belongs to VM web \(qemu-system-x86, process \d+\)/);
	const shared = await press('down', 'down');
	assert.match(shared, /GROUP 7[\s\S]*! Group 7 is shared: 02:00\.0 NVMe controller/);
});

test('Enter explains a fault; a finding has a cause and a cure, a gap has a way to see it', async t => {
	const {press, store} = openDashboard(t, await capturedHost(), 120, 40);
	await press('tab', 'tab', 'tab', 'down');
	const words = await press('enter');
	assert.equal(store.getState().view, 'faults');
	assert.match(words, /EXPLANATION[\s\S]*what +Writes at 0xdeadbeef000 were refused twice\./);
	assert.match(words, /ls \/sys\/kernel\/iommu_groups\/7\/devices/);
	assert.match(await press('8'), /cure +Unbind it: echo 0000:02:00\.1/);
	assert.match(await press('down'), /Not seen from here: page tables[\s\S]*CONFIG_INTEL_IOMMU_DEBUGFS/);
	assert.match(await press('9'), /EVENTS ─ not traced[\s\S]*sudo dmascope host --trace/);
	assert.match(await press('3'), /No walk view here/);
	assert.equal(store.getState().view, 'events');
});

test('a group with a new owner lights up; a new fault is reported in every view', async t => {
	const machine = await capturedHost();
	const first = machine.state();
	let state = first;
	const {store, screen} = openDashboard(
		t,
		{...machine, memory: machine.memory, state: () => state, close() {}},
		120,
		40,
	);
	const {host, logged} = first;
	assert.ok(host !== undefined && logged !== undefined);
	const [one, ...others] = host.groups;
	state = {
		...first,
		revision: first.revision + 1,
		host: {...host, groups: [{...one, brief: 'VM db'}, ...others]},
		logged: {...logged, faults: [{...logged.faults[1], count: 7}, logged.faults[0]]},
	};
	refresh(store);
	assert.deepEqual([...store.getState().changed.keys()], ['group 0']);
	assert.match(await screen(), /0 {2}VM db/);
	assert.match(store.getState().message.text, /^02:00\.0 vfio-pci: DMA write refused, ×7$/);
});

/** A dashboard over the captured host whose state is what a test says. */
async function changing(t: TestContext, columns = 120, rows = 40) {
	const machine = await capturedHost();
	const first = machine.state();
	const {host, logged} = first;
	assert.ok(host !== undefined && logged !== undefined);
	let state = first;
	const looked = {...machine, memory: machine.memory, state: () => state, close() {}};
	const dashboard = openDashboard(t, looked, columns, rows);
	const become = (now: Partial<MachineState>) => {
		state = {...state, ...now, revision: state.revision + 1};
		refresh(dashboard.store);
		return dashboard.screen();
	};
	return {...dashboard, host, logged, become};
}

test('the chosen group stays chosen while others come and go; the next one replaces it when it goes', async t => {
	const {host, press, become, store} = await changing(t);
	assert.match(await press(...Array.from({length: 10}, () => 'down')), /GROUP 6/);
	assert.match(await become({host: {...host, groups: host.groups.slice(3)}}), /GROUPS ─ 5[\s\S]*GROUP 6/);
	assert.match(await become({host}), /GROUPS ─ 8[\s\S]*GROUP 6/);
	await press('G');
	const few = await become({host: {...host, groups: host.groups.slice(0, 2)}});
	assert.match(few, /GROUPS ─ 2[\s\S]*GROUP 1 /);
	await press('y');
	assert.match(store.getState().message.text, /^Copied: 1 {2}bridges +00:02\.0 PCI bridge/);
});

test('the chosen fault stays chosen as others come; without a choice the newest is shown', async t => {
	const {logged, press, become, store} = await changing(t);
	const [one, two] = logged.faults;
	const third = {...one, number: 3, title: 'A third one', brief: 'A third one'};
	await press('7');
	assert.match(
		await become({logged: {...logged, faults: [third, one, two]}}),
		/EXPLANATION[\s\S]*A third one/,
	);
	assert.match(await press('down', 'down'), /EXPLANATION[\s\S]*│ 02:00\.0 vfio-pci Red Hat/);
	await become({logged: {...logged, faults: [third, one, two].map(fault => ({...fault}))}});
	const fourth = {...third, number: 4};
	const four = await become({logged: {...logged, faults: [fourth, third, one, two]}});
	assert.match(four, /EXPLANATION[\s\S]*│ 02:00\.0 vfio-pci Red Hat/);
	const gone = await become({logged: {...logged, faults: [fourth, third, one]}});
	assert.match(gone, /EXPLANATION[\s\S]*│ 01:00\.0 vfio-pci/, 'the next one is chosen in place of it');
	assert.equal(store.getState().places.faults?.key, one.number);
	assert.match(await become({logged}), /EXPLANATION[\s\S]*│ 01:00\.0 vfio-pci/, 'and stays chosen');
});

test('a narrow panel shows the count of a fault, and the end of a long path', async t => {
	const {logged, become} = await changing(t, 80, 24);
	const long = {...logged.faults[0], brief: 'A fault with many words in its title', count: 1234};
	const from = '/var/log/some/where/far/below/kern.log';
	assert.match(
		await become({logged: {...logged, from, faults: [long]}}),
		/in kern\.log ─[\s\S]*×1,234 A fault with.*…/,
	);
});

test('without a log, the panel says how to see faults; help has no commands of the lab', async t => {
	const {host, become, press} = await changing(t);
	const notSeen = [{what: 'faults: a capture has no kernel log', how: 'add --log FILE'}];
	const screen = await become({logged: undefined, host: {...host, notSeen}});
	assert.match(screen, /FAULTS ─ not seen[\s\S]*a capture has no kernel log[\s\S]*add --log FILE/);
	assert.doesNotMatch(screen, /registers hold/);
	const help = await press('?');
	assert.match(help, /1 +Groups, units and faults/);
	assert.doesNotMatch(help, /The cell before|a transfer and its path/);
});

test('events are listed newest first, below their rates', async t => {
	const lines = fs
		.readFileSync(path.resolve(import.meta.dirname, '../live/host/trace.txt'), 'utf8')
		.split('\n');
	const events = lines.flatMap(line => traceEvent(line) ?? []);
	const machine = await capturedHost();
	const trace = {
		...{
			events,
			total: 12_345,
			lost: 7,
			maps: [0, 900, 20],
			unmaps: [0, 450, 10],
			mapped: 3 << 20,
			unmapped: 2 << 20,
		},
	};
	const state = {...machine.state(), trace};
	const {press} = openDashboard(
		t,
		{...machine, memory: machine.memory, state: () => state, close() {}},
		120,
		40,
	);
	const shown = await press('9');
	assert.match(shown, /EVENTS ─ 12,345 · 7 events lost: the kernel’s buffer was full/);
	assert.match(shown, /map .*▇▁ +20\/s, 3 MiB in all/);
	assert.match(shown, /unmap .* 10\/s, 2 MiB in all/);
	const rows = shown.split('\n').filter(line => /\b(map|unmap|attach|group) +(0x|0000:)/.test(line));
	assert.ok(rows.length > 10);
	const newest = events.at(-1);
	assert.ok(newest && rows[0].includes(newest.at.toFixed(6)), rows[0]);
	const attached = await press('/', 'a', 't', 't', 'a', 'c', 'h', 'enter');
	assert.match(attached, /1 of 17 rows: attach/);
	assert.equal(attached.match(/attach +0000:00:03\.0/g)?.length, 1);
	assert.doesNotMatch(attached, /kworker/);
});

test('the filter works while it is typed, and the chosen group is one that it leaves', async t => {
	const {press, store} = openDashboard(t, await capturedHost(), 120, 40);
	const handlePromptKey = await press('/', 'V', 'f', 'i', 'o');
	assert.match(handlePromptKey, /filter: Vfio/);
	assert.match(handlePromptKey, /4 of 13 rows: Vfio/);
	assert.match(handlePromptKey, /3 {2}process \d+ +03:01\.0 Ethernet/);
	assert.match(handlePromptKey, /GROUP 3 ─*/);
	const kept = await press(' ', '0', '2', ':', 'enter', 'down');
	assert.match(kept, /1 of 13 rows: Vfio 02:/);
	assert.match(kept, /7 {2}host, shared +02:00\.0 NVMe/);
	assert.match(kept, /GROUP 7/);
	const none = await press('/', 'x', 'y', 'z', 'enter');
	assert.match(none, /0 of 13 rows/);
	assert.doesNotMatch(none, /IN NO GROUP/);
	assert.equal(store.getState().prompt, undefined);
	assert.match(await press('escape'), /2 +00:03\.0|bridges +00:03\.0/);
});
