// AMD-Vi's event log in a guest's memory, as hardware writes it and a kernel empties it.

import assert from 'node:assert/strict';
import type {TestContext} from 'node:test';
import {test} from 'node:test';
import {EVENT, encodeEvent, FLAG, refusal} from '../../../source/formats/amdvi.js';
import {amdviFaults, FaultHistory} from '../../../source/live/qemu/faults.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import {TablePages} from '../../../source/live/tables/table-pages.js';
import {fakeQemu, GREETING} from '../../helpers/fake-qemu.js';

const LOG = 0x7000;
/** Event log base: 256 entries, in two words. */
const BASE = `0: 0x${LOG.toString(16).padStart(8, '0')} 0x08000000`;

async function setup(t: TestContext, status: string) {
	const socket = await fakeQemu(t, GREETING, ({arguments: {'command-line': line}}) =>
		JSON.stringify({return: String(line).includes('/2wx') ? BASE : `0: 0x${status}`}),
	);
	const qmp = await Qmp.connect(socket);
	t.after(() => qmp.close());
	const words = new Uint32Array(1024);
	const pages = new TablePages({
		blocks: [],
		how: '',
		inPlace: true,
		page: () => undefined,
		readPage: (gpa, into) => {
			if (gpa === LOG) into.set(words);
			return gpa === LOG;
		},
		close: () => {},
	});
	return {words, look: () => amdviFaults(qmp, {format: 'amd-vi', base: 0xfed80000}, pages.view())};
}

test('events in the log are faults; each counts once, even after the kernel handles it', async t => {
	const {words, look} = await setup(t, '00000018');
	const kept = new FaultHistory();
	const {IO_PAGE_FAULT} = EVENT;
	words.set(encodeEvent(refusal(IO_PAGE_FAULT, FLAG.RW), 0x28, 5, 0xdea0000, 1), 0);
	words.set(encodeEvent(refusal(IO_PAGE_FAULT, 0), 0x28, 5, 0xdeb0000, 0), 8);
	const first = await look();
	assert.deepEqual(first.log, {kind: 'event log', total: 256, used: 2, overflow: false, kernelLines: []});
	kept.add(first, () => 'edu0');
	kept.add(await look(), () => 'edu0');
	words.fill(0);
	const empty = await look();
	kept.add(empty, () => 'edu0');
	assert.equal(empty.log.used, 0);
	assert.deepEqual(
		kept.faults.map(({number, device, iova, write, text}) => [number, device, iova, write, text]),
		[
			[1, 'edu0', 0x1_0dea_0000, true, 'IO_PAGE_FAULT: not present'],
			[2, 'edu0', 0xdeb0000, false, 'IO_PAGE_FAULT: not present'],
		],
	);
});

test('the same event twice is two faults: each has its own position', async t => {
	const {words, look} = await setup(t, '00000018');
	const kept = new FaultHistory();
	const event = encodeEvent(refusal(EVENT.IO_PAGE_FAULT, 0), 0x28, 5, 0, 0);
	words.set(event, 0);
	words.set(event, 4);
	kept.add(await look(), () => 'edu0');
	kept.add(await look(), () => 'edu0');
	assert.equal(kept.faults.length, 2);
});

test('a full log says so', async t => {
	const {look} = await setup(t, '00000019');
	assert.equal((await look()).log.overflow, true);
});
