import assert from 'node:assert/strict';
import {test} from 'node:test';
import {CONTROL, DTE_SA, DTE_SE, decodeEvent, EVENT, FLAG, REG, STATUS} from '../../source/formats/amdvi.js';
import type {Memory} from '../../source/hardware/memory.js';
import {
	A,
	amdvi,
	B,
	command,
	DEVICES,
	dte,
	EVENTS,
	ON,
	RW,
	SECOND,
	TRANSLATED,
	table,
} from '../helpers/amdvi.js';

const eventAt = (memory: Memory, index: number) => {
	const at = EVENTS + 16 * index;
	return decodeEvent(memory.u32(at), memory.u32(at + 4), memory.u32(at + 8), memory.u32(at + 12));
};

test('an event holds the device, the domain, the address and the cause', () => {
	const {unit, memory} = amdvi();
	unit.translate(A, 0x12_3456_7890, true);
	unit.translate(0x80, 0x5678, false);
	assert.deepEqual(eventAt(memory, 0), {
		type: EVENT.IO_PAGE_FAULT,
		flags: FLAG.RW,
		rid: A,
		domain: 7,
		address: 0x12_3456_7890,
	});
	assert.deepEqual(eventAt(memory, 1), {
		type: EVENT.ILLEGAL_DEV_TABLE_ENTRY,
		flags: 0,
		rid: 0x80,
		domain: 0,
		address: 0x5678,
	});
	assert.equal(unit.read32(REG.EVENT_TAIL), 0x20);
	assert.deepEqual(unit.eventLog, {total: 256, unread: 2, overflow: false});
	unit.write32(REG.EVENT_HEAD, 0x10);
	assert.equal(unit.eventLog.unread, 1);
});

test('a hardware error holds the physical address outside memory', () => {
	const {unit, memory} = amdvi(m => table(m, SECOND, 0x7fff0000, 1));
	unit.translate(A, 0x5000, true);
	assert.equal(eventAt(memory, 0).address, 0x7fff0000 + 5 * 8);
	unit.write32(REG.DEVICE_TABLE, 0x7ffe0000);
	command(unit, memory, [A, 2 << 28]);
	unit.translate(A, 0x5000, true);
	assert.equal(eventAt(memory, 1).address, 0x7ffe0000 + A * 32);
});

test('a full log overflows and loses events until software clears the bit, even if there is room again', () => {
	const {unit, memory, faults} = amdvi();
	for (let i = 0; i < 257; i++) unit.translate(A, 0x1000_0000 + i * 0x1000, true);
	assert.deepEqual(unit.eventLog, {total: 256, unread: 255, overflow: true});
	assert.equal(unit.read32(REG.STATUS) & STATUS.EVENT_RUN, 0);
	assert.deepEqual(
		faults.map(({recorded}) => recorded),
		Array.from({length: 257}, (_, i) => i < 255),
	);
	unit.write32(REG.EVENT_HEAD, 0x800);
	unit.translate(A, 0x2000_0000, true);
	assert.equal(faults.at(-1)?.recorded, false);
	unit.write32(REG.STATUS, STATUS.EVENT_OVERFLOW);
	assert.ok(unit.read32(REG.STATUS) & STATUS.EVENT_RUN);
	unit.translate(A, 0x3000_0000, true);
	assert.equal(eventAt(memory, 255).address, 0x3000_0000);
	assert.equal(unit.read32(REG.EVENT_TAIL), 0, 'the tail wraps');
});

test('an enabled interrupt is sent when a status bit rises', () => {
	const {unit} = amdvi();
	let messages = 0;
	unit.interrupt = () => messages++;
	const fault = () => unit.translate(A, 0x1000_0000, true);
	fault();
	fault();
	assert.equal(messages, 1, 'the bit is still set');
	unit.write32(REG.STATUS, STATUS.EVENT_INT);
	fault();
	assert.equal(messages, 2);
	for (let i = 0; i < 300; i++) fault();
	assert.equal(messages, 3, 'overflow has its own bit');
	unit.write32(REG.STATUS, 3);
	unit.write32(REG.EVENT_HEAD, unit.read32(REG.EVENT_TAIL));
	unit.write32(REG.CONTROL, ON & ~CONTROL.EVENT_INT_EN);
	fault();
	assert.equal(messages, 3);
	assert.ok(unit.read32(REG.STATUS) & STATUS.EVENT_INT);
});

test('a disabled log records nothing', () => {
	const {unit, faults} = amdvi();
	unit.write32(REG.CONTROL, CONTROL.IOMMU_EN);
	assert.ok(unit.translate(A, 0x1000_0000, true) < 0);
	assert.equal(faults[0].recorded, false);
	assert.equal(unit.eventLog.unread, 0);
});

test('SE silences a device’s page faults after the first until its entry is invalidated', () => {
	const {unit, memory, faults} = amdvi(m => {
		dte(m, A, TRANSLATED, RW, 7, DTE_SE);
		dte(m, B, TRANSLATED, RW, 7, DTE_SE);
	});
	for (const rid of [A, A, B, A]) assert.ok(unit.translate(rid, 0x1000_0000, true) < 0);
	command(unit, memory, [A, 2 << 28]);
	for (const rid of [A, B]) unit.translate(rid, 0x1000_0000, true);
	assert.deepEqual(
		faults.map(({recorded}) => recorded),
		[true, false, true, false, true, false],
	);
	assert.equal(unit.eventLog.unread, 3);
});

test('SE silences only page faults', () => {
	const {unit} = amdvi(m => {
		dte(m, A, TRANSLATED, RW, 7, DTE_SE);
		table(m, SECOND + 16, 0x7fff0000, 1);
	});
	unit.translate(A, 0x1000_0000, true);
	for (let i = 0; i < 2; i++) unit.translate(A, 0x400000, true);
	assert.equal(unit.eventLog.unread, 3);
});

test('SA silences all page faults of a device', () => {
	const {unit, memory, faults} = amdvi(m => dte(m, A, TRANSLATED, RW, 7, DTE_SA));
	for (let i = 0; i < 2; i++) assert.ok(unit.translate(A, 0x1000_0000, true) < 0);
	assert.deepEqual(
		faults.map(({recorded}) => recorded),
		[false, false],
	);
	memory.setU32(DEVICES + 32 * A + 12, 0);
	command(unit, memory, [A, 2 << 28]);
	unit.translate(A, 0x1000_0000, true);
	assert.equal(unit.eventLog.unread, 1);
});
