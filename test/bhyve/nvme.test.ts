import assert from 'node:assert/strict';
import {test} from 'node:test';
import {iovecOf} from '../../source/bhyve/nvme-prp.js';
import {
	ADMIN,
	ALL_NAMESPACES,
	CC,
	CNS,
	COMPLETION,
	CSTS,
	DEALLOCATE,
	DOORBELLS,
	FEATURE,
	IO,
	REG,
	SC,
} from '../../source/formats/nvme.js';
import {BUFFER} from '../helpers/disks.js';
import {ASQ, CQ, ENTRIES, nvmeByHand} from '../helpers/nvme.js';

test('the controller is an NVMe 1.4 one, gets ready when enabled, and shuts down on request', t => {
	const {device} = nvmeByHand(t);
	assert.deepEqual(
		[REG.CAP_LO, REG.CAP_HI, REG.VS].map(register => device.read(register)),
		[0x3c0107ff, 0x20, 0x10400],
	);
	assert.equal(device.read(REG.CSTS), CSTS.RDY);
	device.write(REG.CC, CC.EN | 0x4000);
	assert.equal(device.read(REG.CSTS), CSTS.RDY | CSTS.SHST_COMPLETE);
	device.write(REG.CC, 0x460000);
	assert.equal(device.read(REG.CSTS), 0);
	assert.equal(device.read(REG.CC), 0x460000);
	assert.equal(device.read(REG.ASQ_LO), ASQ);
	assert.equal(device.read(DOORBELLS), 0);
});

test('completions hold the queue, the head and a phase that inverts at each wrap', t => {
	const {io, createPair, map, put, ring, take} = nvmeByHand(t);
	createPair();
	const phases: number[] = [];
	for (let i = 0; i < 10; i++) {
		const at = CQ + (i % ENTRIES) * 16;
		const {code, queue, head} = io(IO.READ, {prp1: BUFFER, cdw: [i, 0, 0]});
		assert.deepEqual([code, queue, head], [SC.SUCCESS, 1, (i + 1) % ENTRIES]);
		phases.push(map.u16(at + COMPLETION.STATUS) & 1);
	}
	assert.deepEqual(phases, [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]);
	// A command that completes before all have been taken reports the old head.
	put(1, 0x99, {nsid: 1});
	put(1, IO.READ, {nsid: 1, prp1: BUFFER});
	ring(1);
	const both = [take(1), take(1)];
	assert.deepEqual(
		both.map(({code, head}) => [code, head]),
		[
			[SC.INVALID_OPCODE, 2],
			[SC.SUCCESS, 0],
		],
	);
});

test('an I/O command that is unknown, out of range, too long or for another namespace fails', t => {
	const {io, createPair, disk} = nvmeByHand(t);
	createPair();
	assert.equal(io(0x05).code, SC.INVALID_OPCODE);
	assert.equal(io(IO.WRITE_ZEROES).code, SC.SUCCESS);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [0, 0, 4096]}).code, SC.INVALID_FIELD);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [disk.sectors, 0, 0]}).code, SC.LBA_OUT_OF_RANGE);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [0, 0xffffffff, 0]}).code, SC.LBA_OUT_OF_RANGE);
	assert.equal(io(IO.WRITE, {prp1: BUFFER}).code, SC.DATA_TRANSFER_ERROR);
	// GEOM requires write access for a flush.
	assert.equal(io(IO.FLUSH).code, SC.DATA_TRANSFER_ERROR);
	for (const nsid of [0, 2, ALL_NAMESPACES]) {
		const {code, dnr} = io(IO.READ, {nsid, prp1: BUFFER});
		assert.deepEqual([code, dnr], [SC.INVALID_NAMESPACE, true]);
	}
});

test('PRP1 may be any dword, PRP2 may start inside a page, and so may a list', t => {
	const {io, createPair, map, content, events} = nvmeByHand(t);
	createPair();
	const there = (sector: number, ...parts: [gpa: number, bytes: number][]) => {
		const bytes = Buffer.concat(parts.map(([gpa, length]) => map.read(gpa, length)));
		return Buffer.compare(bytes, content.subarray(sector * 512, sector * 512 + bytes.length)) === 0;
	};
	// The lowest two bits are ignored, and bhyve accepts a PRP2 inside a page.
	assert.equal(io(IO.READ, {prp1: BUFFER + 0xe03, prp2: BUFFER + 0x1e03, cdw: [3, 0, 3]}).code, SC.SUCCESS);
	assert.ok(there(3, [BUFFER + 0xe00, 512], [BUFFER + 0x1e00, 1536]));
	const list = BUFFER + 0x10_0ff0;
	for (let i = 0; i < 4; i++) map.setU32(list + 8 * i, BUFFER + 0x10000 + i * 0x2000);
	assert.equal(io(IO.READ, {prp1: BUFFER, prp2: list, cdw: [9, 0, 39]}).code, SC.SUCCESS);
	const pages = [0, 1, 2, 3].map((i): [number, number] => [BUFFER + 0x10000 + i * 0x2000, 4096]);
	assert.ok(there(9, [BUFFER, 4096], ...pages));
	const last = events.findLast(event => event.at === 'nvme');
	assert.deepEqual(last?.at === 'nvme' && [last.queue, last.prps, last.data.length], [1, 5, 5]);
});

test('a PRP list continues in the next one, and may name itself', t => {
	const {guest, map} = nvmeByHand(t);
	const {ctx} = guest.device;
	const [first, second] = [0x30000, 0x31000];
	const page = (i: number) => BUFFER + i * 0x2000;
	for (let i = 0; i < 511; i++) map.setU32(first + 8 * i, page(i));
	map.setU32(first + 8 * 511, second);
	map.setU32(second, page(510) + 4096);
	map.setU32(second + 8, page(600));
	map.setU32(second + 16, page(700));
	const iovec = iovecOf(ctx, 0x20000, first, 514 * 4096 - 100);
	assert.equal(iovec?.prps, 514);
	assert.deepEqual(iovec?.data.slice(-2), [
		{address: page(510), bytes: 8192},
		{address: page(600), bytes: 4096 - 100},
	]);
	// An iovec holds 513 entries.
	assert.equal(iovecOf(ctx, 0x20000, first, 515 * 4096), undefined);
	// If a list continues in itself, its scattered pages soon fill the iovec.
	map.setU32(first + 8 * 511, first);
	assert.equal(iovecOf(ctx, 0x20000, first, 2000 * 4096), undefined);
	// If at most a page is left, the last entry is a page and not a list.
	map.setU32(first + 8 * 511, page(900));
	assert.equal(iovecOf(ctx, 0x20000, first, 513 * 4096)?.data[512].address, page(900));
});

test('DATASET MANAGEMENT checks all ranges before it deletes them', t => {
	const {io, createPair, map, disk} = nvmeByHand(t, {writable: true});
	createPair();
	const manage = (ranges: readonly [lba: number, sectors: number][], attributes: number = DEALLOCATE) => {
		map.write(BUFFER, new Uint8Array(4096));
		ranges.forEach(([lba, sectors], i) => {
			map.setU32(BUFFER + 16 * i + 4, sectors);
			map.setU32(BUFFER + 16 * i + 8, lba);
		});
		return io(IO.DATASET_MANAGEMENT, {prp1: BUFFER, cdw: [ranges.length - 1, attributes]}).code;
	};
	const empty = (lba: number, sectors: number) =>
		disk.peek(lba * 512, sectors * 512).every(byte => byte === 0);
	assert.equal(manage([[8, 4]], 0), SC.SUCCESS);
	assert.equal(empty(8, 4), false);
	assert.equal(
		manage([
			[8, 4],
			[disk.sectors, 1],
		]),
		SC.LBA_OUT_OF_RANGE,
	);
	assert.equal(empty(8, 4), false);
	assert.equal(
		manage([
			[8, 4],
			[100, 0],
			[20, 2],
		]),
		SC.SUCCESS,
	);
	assert.deepEqual([empty(8, 4), empty(12, 1), empty(20, 2)], [true, false, true]);
	assert.equal(manage([[30, 0]]), SC.SUCCESS);
	// 2^23 sectors are 2^32 bytes, which 32 bits truncate to 0.
	assert.equal(manage([[0, 2 ** 23]]), SC.DATA_TRANSFER_ERROR);
	assert.equal(
		manage([
			[0, 2 ** 23],
			[40, 1],
		]),
		SC.INTERNAL_DEVICE_ERROR,
	);
	assert.equal(empty(40, 1), false);
});

test('a reset drops the queues and keeps the features', t => {
	const {admin, createPair, enable, io, device, map} = nvmeByHand(t);
	admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.NUMBER_OF_QUEUES, 0]});
	admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.ARBITRATION, 5]});
	assert.equal(createPair(), SC.SUCCESS);
	enable();
	assert.equal(admin(ADMIN.GET_FEATURES, {cdw: [FEATURE.ARBITRATION]}).value, 5);
	// The guest asked for one pair before the reset, so another doorbell is ignored.
	device.write(DOORBELLS + 2 * 8, 1);
	assert.equal(device.stopped, undefined);
	assert.equal(createPair(), SC.SUCCESS);
	assert.equal(io(IO.READ, {prp1: BUFFER}).code, SC.SUCCESS);
	assert.equal(admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.NUMBER_OF_QUEUES, 7 | (7 << 16)]}).code, SC.SUCCESS);
	assert.equal(map.u16(CQ + COMPLETION.STATUS) & 1, 1);
});

test('a guest that would end bhyve stops the device with a message, and clearing CC.EN restarts it', t => {
	const {device, enable, admin, io, createPair, put, ring} = nvmeByHand(t);
	const stops = (sentence: RegExp, work: () => void) => {
		work();
		assert.match(device.stopped ?? '', sentence);
		assert.equal(device.read(REG.CSTS), 0xffffffff);
		enable();
		assert.equal(createPair(), SC.SUCCESS);
		assert.equal(io(IO.READ, {prp1: BUFFER}).code, SC.SUCCESS);
	};
	stops(
		/^vm0 nvme stopped: the doorbell of submission queue 0 got tail 9 of 4 entries; bhyve would have hung\.$/,
		() => device.write(DOORBELLS, 9),
	);
	stops(/submission queue 3 was rung, but the queue has no memory; bhyve would have crashed/, () =>
		device.write(DOORBELLS + 24, 1),
	);
	stops(/completion queue 0 has no memory; bhyve would have aborted/, () => {
		device.write(REG.CC, 0);
		device.write(REG.ACQ_HI, 0x100);
		device.write(REG.CC, CC.EN);
		put(0, ADMIN.ABORT, {});
		device.write(REG.ACQ_HI, 0);
		device.write(DOORBELLS, 1);
	});
	stops(/a list of PRPs is not in guest memory/, () => {
		put(1, IO.READ, {nsid: 1, prp1: BUFFER, prp2: 2 ** 40, cdw: [0, 0, 31]});
		ring(1);
	});
	stops(/the page for IDENTIFY is not in guest memory/, () =>
		admin(ADMIN.IDENTIFY, {prp1: 2 ** 40, cdw: [CNS.ACTIVE]}),
	);
});
