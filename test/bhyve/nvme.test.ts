import assert from 'node:assert/strict';
import {test} from 'node:test';
import {piecesOf} from '../../source/bhyve/nvme-prp.js';
import {
	ADMIN,
	ALL_NAMESPACES,
	CC,
	CNS,
	COMMAND,
	COMPLETION,
	CONTROLLER,
	CSTS,
	DEALLOCATE,
	DOORBELLS,
	FEATURE,
	HEALTH,
	IO,
	LOG,
	NAMESPACE,
	REG,
	SC,
} from '../../source/formats/nvme.js';
import {BUFFER, nvme, rig} from '../helpers/disks.js';

const ASQ = 0x10000;
const ACQ = 0x11000;
const SQ = 0x12000;
const CQ = 0x14000;
const ENTRIES = 4;
const CONTIGUOUS = 1;

type Fields = {nsid?: number; prp1?: number; prp2?: number; cdw?: readonly number[]};
type Completed = {code: number; value: number; id: number; head: number; queue: number; dnr: boolean};

/** A guest that drives the registers by hand. Its queues have four entries, so that they wrap soon. */
function byHand(t: Parameters<typeof rig>[0], options: Parameters<typeof rig>[1] = {}) {
	const made = rig(t, options);
	const device = nvme(made);
	const {map} = made.guest.vm;
	const tails = [0, 0];
	const heads = [0, 0];
	let id = 0x100;
	const enable = () => {
		map.write(ASQ, new Uint8Array(0x5000));
		tails.fill(0);
		heads.fill(0);
		device.write(REG.CC, 0);
		device.write(REG.AQA, (ENTRIES - 1) | ((ENTRIES - 1) << 16));
		device.write(REG.ASQ_LO, ASQ);
		device.write(REG.ACQ_LO, ACQ);
		device.write(REG.CC, CC.EN);
	};
	const put = (queue: number, opcode: number, {nsid = 0, prp1 = 0, prp2 = 0, cdw = []}: Fields) => {
		const at = (queue === 0 ? ASQ : SQ) + tails[queue] * 64;
		map.write(at, new Uint8Array(64));
		map.setU32(at, opcode | (++id << 16));
		map.setU32(at + COMMAND.NSID, nsid);
		for (const [field, prp] of [
			[COMMAND.PRP1, prp1],
			[COMMAND.PRP2, prp2],
		]) {
			map.setU32(at + field, prp % 2 ** 32);
			map.setU32(at + field + 4, Math.floor(prp / 2 ** 32));
		}
		cdw.forEach((dword, i) => {
			map.setU32(at + COMMAND.CDW10 + 4 * i, dword >>> 0);
		});
		tails[queue] = (tails[queue] + 1) % ENTRIES;
	};
	/** The next entry of a completion queue, whatever its phase. */
	const take = (queue: number): Completed => {
		const at = (queue === 0 ? ACQ : CQ) + heads[queue] * 16;
		heads[queue] = (heads[queue] + 1) % ENTRIES;
		const status = map.u16(at + COMPLETION.STATUS);
		return {
			code: (status >> 1) & 0x7ff,
			dnr: (status & 0x8000) !== 0,
			value: map.u32(at),
			id: map.u16(at + COMPLETION.ID),
			head: map.u16(at + COMPLETION.SQ_HEAD),
			queue: map.u16(at + COMPLETION.SQ_ID),
		};
	};
	const ring = (queue: number) => device.write(DOORBELLS + queue * 8, tails[queue]);
	const run = (queue: number, opcode: number, fields: Fields = {}): Completed => {
		put(queue, opcode, fields);
		ring(queue);
		const completed = take(queue);
		if (device.stopped === undefined) assert.equal(completed.id, id);
		return completed;
	};
	const admin = (opcode: number, fields?: Fields) => run(0, opcode, fields);
	const io = (opcode: number, fields: Fields = {}) => run(1, opcode, {nsid: 1, ...fields});
	const createPair = () => {
		const which = 1 | ((ENTRIES - 1) << 16);
		admin(ADMIN.CREATE_IO_CQ, {prp1: CQ, cdw: [which, CONTIGUOUS]});
		return admin(ADMIN.CREATE_IO_SQ, {prp1: SQ, cdw: [which, CONTIGUOUS | (1 << 16)]}).code;
	};
	enable();
	return {...made, device, map, enable, put, ring, take, admin, io, createPair};
}

test('the registers of an NVMe 1.4 controller; ready when enabled, and shut down when asked', t => {
	const {device} = byHand(t);
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

test('IDENTIFY: the controller, its namespace, and the lists', t => {
	const {admin, map, disk} = byHand(t);
	const identify = (cns: number, nsid: number) => {
		map.write(BUFFER, new Uint8Array(4096).fill(0xee));
		return admin(ADMIN.IDENTIFY, {nsid, prp1: BUFFER, cdw: [cns]}).code;
	};
	const text = (at: number, bytes: number) =>
		Buffer.from(map.read(BUFFER + at, bytes))
			.toString()
			.trimEnd();
	assert.equal(identify(CNS.CONTROLLER, 0), SC.SUCCESS);
	assert.equal(text(CONTROLLER.MODEL, 40), 'bhyve-NVMe');
	assert.equal(text(CONTROLLER.SERIAL, 20), 'NVME-3-0');
	assert.deepEqual([map.u8(BUFFER + CONTROLLER.MDTS), map.u32(BUFFER + CONTROLLER.NAMESPACES)], [9, 1]);
	assert.equal(identify(CNS.NAMESPACE, 1), SC.SUCCESS);
	assert.equal(map.u32(BUFFER + NAMESPACE.SIZE), disk.sectors);
	assert.equal(map.u32(BUFFER + NAMESPACE.FORMATS), 9 << 16);
	assert.equal(identify(CNS.NAMESPACE, ALL_NAMESPACES), SC.INVALID_NAMESPACE);
	assert.equal(identify(CNS.ACTIVE, 0), SC.SUCCESS);
	assert.deepEqual([map.u32(BUFFER), map.u32(BUFFER + 4), map.u32(BUFFER + 4092)], [1, 0, 0]);
	assert.equal(identify(CNS.DESCRIPTORS, 1), SC.SUCCESS);
	assert.deepEqual([...map.read(BUFFER, 7)], [1, 8, 0, 0, 0x58, 0x9c, 0xfc]);
	assert.equal(identify(CNS.DESCRIPTORS, 2), SC.INVALID_NAMESPACE);
	assert.equal(identify(0x77, 1), SC.INVALID_FIELD);
});

test('a page that starts inside one goes on in PRP2; what cannot be copied is left out, without a word', t => {
	const {admin, map} = byHand(t);
	const whole = () => admin(ADMIN.IDENTIFY, {prp1: BUFFER, cdw: [CNS.CONTROLLER]});
	whole();
	const page = map.read(BUFFER, 4096);
	const prps = {prp1: BUFFER + 0x1f00, prp2: BUFFER + 0x5000};
	assert.equal(admin(ADMIN.IDENTIFY, {...prps, cdw: [CNS.CONTROLLER]}).code, SC.SUCCESS);
	const parts = Buffer.concat([map.read(BUFFER + 0x1f00, 0x100), map.read(BUFFER + 0x5000, 0xf00)]);
	assert.equal(Buffer.compare(parts, page), 0);
	assert.equal(admin(ADMIN.IDENTIFY, {prp1: 2 ** 40, cdw: [CNS.CONTROLLER]}).code, SC.SUCCESS);
});

test('queues are created and deleted under the checks that bhyve makes', t => {
	const {admin, createPair} = byHand(t);
	const which = (queue: number, entries: number) => [queue | ((entries - 1) << 16)];
	const cq = (queue: number, entries: number, flags: number) =>
		admin(ADMIN.CREATE_IO_CQ, {prp1: CQ, cdw: [...which(queue, entries), flags]}).code;
	const sq = (queue: number, entries: number, flags: number) =>
		admin(ADMIN.CREATE_IO_SQ, {prp1: SQ, cdw: [...which(queue, entries), flags]}).code;
	assert.equal(cq(1, 4, 0), SC.INVALID_FIELD);
	assert.equal(cq(0, 4, CONTIGUOUS), SC.INVALID_QUEUE);
	assert.equal(cq(17, 4, CONTIGUOUS), SC.INVALID_QUEUE);
	assert.equal(cq(60000, 4, CONTIGUOUS), SC.INVALID_QUEUE);
	assert.equal(cq(1, 1, CONTIGUOUS), SC.INVALID_QUEUE_SIZE);
	assert.equal(cq(1, 2049, CONTIGUOUS), SC.INVALID_QUEUE_SIZE);
	assert.equal(cq(1, 4, CONTIGUOUS | (18 << 16)), SC.INVALID_INTERRUPT_VECTOR);
	assert.equal(sq(1, 4, CONTIGUOUS | (1 << 16)), SC.INVALID_COMPLETION_QUEUE);
	assert.equal(createPair(), SC.SUCCESS);
	assert.equal(cq(1, 4, CONTIGUOUS), SC.INVALID_QUEUE);
	assert.equal(sq(1, 4, CONTIGUOUS | (1 << 16)), SC.INVALID_QUEUE);
	assert.equal(sq(2, 4, 1 << 16), SC.INVALID_FIELD);
	assert.equal(sq(2, 4, CONTIGUOUS), SC.INVALID_QUEUE);
	assert.equal(sq(2, 1, CONTIGUOUS | (1 << 16)), SC.INVALID_QUEUE_SIZE);
	assert.equal(sq(60000, 4, CONTIGUOUS | (1 << 16)), SC.INVALID_QUEUE);
	assert.equal(admin(ADMIN.DELETE_IO_CQ, {cdw: [1]}).code, SC.INVALID_QUEUE_DELETION);
	assert.equal(admin(ADMIN.DELETE_IO_SQ, {cdw: [9]}).code, SC.INVALID_QUEUE);
	assert.equal(admin(ADMIN.DELETE_IO_SQ, {cdw: [60000]}).code, SC.INVALID_QUEUE);
	assert.equal(admin(ADMIN.DELETE_IO_SQ, {cdw: [1]}).code, SC.SUCCESS);
	assert.equal(admin(ADMIN.DELETE_IO_CQ, {cdw: [1]}).code, SC.SUCCESS);
	assert.equal(admin(ADMIN.DELETE_IO_CQ, {cdw: [1]}).code, SC.INVALID_QUEUE);
	assert.equal(admin(ADMIN.DELETE_IO_CQ, {cdw: [60000]}).code, SC.INVALID_QUEUE);
});

test('completions carry the queue, the head and a phase that flips each time round', t => {
	const {io, createPair, map, put, ring, take} = byHand(t);
	createPair();
	const phases: number[] = [];
	for (let i = 0; i < 10; i++) {
		const at = CQ + (i % ENTRIES) * 16;
		const {code, queue, head} = io(IO.READ, {prp1: BUFFER, cdw: [i, 0, 0]});
		assert.deepEqual([code, queue, head], [SC.SUCCESS, 1, (i + 1) % ENTRIES]);
		phases.push(map.u16(at + COMPLETION.STATUS) & 1);
	}
	assert.deepEqual(phases, [1, 1, 1, 1, 0, 0, 0, 0, 1, 1]);
	// What completes while the queue is still being taken shows the head from before.
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

test('I/O commands: what is not known, not there, too long or for another namespace', t => {
	const {io, createPair, disk} = byHand(t);
	createPair();
	assert.equal(io(0x05).code, SC.INVALID_OPCODE);
	assert.equal(io(IO.WRITE_ZEROES).code, SC.SUCCESS);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [0, 0, 4096]}).code, SC.INVALID_FIELD);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [disk.sectors, 0, 0]}).code, SC.LBA_OUT_OF_RANGE);
	assert.equal(io(IO.READ, {prp1: BUFFER, cdw: [0, 0xffffffff, 0]}).code, SC.LBA_OUT_OF_RANGE);
	assert.equal(io(IO.WRITE, {prp1: BUFFER}).code, SC.DATA_TRANSFER_ERROR);
	// To flush, GEOM asks for write access.
	assert.equal(io(IO.FLUSH).code, SC.DATA_TRANSFER_ERROR);
	for (const nsid of [0, 2, ALL_NAMESPACES]) {
		const {code, dnr} = io(IO.READ, {nsid, prp1: BUFFER});
		assert.deepEqual([code, dnr], [SC.INVALID_NAMESPACE, true]);
	}
});

test('PRPs: dwords, a second one inside a page, lists that start inside one', t => {
	const {io, createPair, map, content, events} = byHand(t);
	createPair();
	const there = (sector: number, ...parts: [gpa: number, bytes: number][]) => {
		const bytes = Buffer.concat(parts.map(([gpa, length]) => map.read(gpa, length)));
		return Buffer.compare(bytes, content.subarray(sector * 512, sector * 512 + bytes.length)) === 0;
	};
	// The lowest two bits do not count, and bhyve takes a PRP2 inside a page as it is.
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

test('a list of PRPs goes on in the next one, and may name itself', t => {
	const {guest, map} = byHand(t);
	const {ctx} = guest.device;
	const [first, second] = [0x30000, 0x31000];
	const page = (i: number) => BUFFER + i * 0x2000;
	for (let i = 0; i < 511; i++) map.setU32(first + 8 * i, page(i));
	map.setU32(first + 8 * 511, second);
	map.setU32(second, page(510) + 4096);
	map.setU32(second + 8, page(600));
	map.setU32(second + 16, page(700));
	const pieces = piecesOf(ctx, 0x20000, first, 514 * 4096 - 100);
	assert.equal(pieces?.prps, 514);
	assert.deepEqual(pieces?.data.slice(-2), [
		{address: page(510), bytes: 8192},
		{address: page(600), bytes: 4096 - 100},
	]);
	// 513 pieces are all that an iovec holds.
	assert.equal(piecesOf(ctx, 0x20000, first, 515 * 4096), undefined);
	// A list whose last entry is the list: its pages lie apart, and the iovec is full before long.
	map.setU32(first + 8 * 511, first);
	assert.equal(piecesOf(ctx, 0x20000, first, 2000 * 4096), undefined);
	// The last entry is a page, not a list, if no more than a page is left.
	map.setU32(first + 8 * 511, page(900));
	assert.equal(piecesOf(ctx, 0x20000, first, 513 * 4096)?.data[512].address, page(900));
});

test('DATASET MANAGEMENT deletes its ranges, and checks them all first', t => {
	const {io, createPair, map, disk} = byHand(t, {writable: true});
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
	// 2^23 sectors are 2^32 bytes, which are none in 32 bits: that is no range to delete.
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

test('features: what can be set, and by whom', t => {
	const {admin} = byHand(t);
	const set = (feature: number, value: number, nsid = 0) => {
		const {code, value: answer} = admin(ADMIN.SET_FEATURES, {nsid, cdw: [feature, value]});
		return [code, answer];
	};
	const get = (feature: number, select = 0) => {
		const {code, value} = admin(ADMIN.GET_FEATURES, {cdw: [feature | (select << 8)]});
		return [code, value];
	};
	assert.deepEqual(set(FEATURE.NUMBER_OF_QUEUES, 0xffff), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(set(FEATURE.NUMBER_OF_QUEUES, 3 | (99 << 16)), [SC.SUCCESS, 3 | (15 << 16)]);
	assert.deepEqual(set(FEATURE.NUMBER_OF_QUEUES, 0), [SC.COMMAND_SEQUENCE_ERROR, 0]);
	assert.deepEqual(get(FEATURE.NUMBER_OF_QUEUES), [SC.SUCCESS, 3 | (15 << 16)]);
	assert.deepEqual(set(FEATURE.ARBITRATION, 7), [SC.SUCCESS, 0]);
	assert.deepEqual(get(FEATURE.ARBITRATION), [SC.SUCCESS, 7]);
	assert.deepEqual(set(FEATURE.ARBITRATION, 7, 1), [SC.FEATURE_NOT_OF_NAMESPACE, 0]);
	assert.deepEqual(set(FEATURE.ERROR_RECOVERY, 7, 1), [SC.SUCCESS, 0]);
	assert.deepEqual(set(FEATURE.ERROR_RECOVERY, 7, ALL_NAMESPACES), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(get(FEATURE.ERROR_RECOVERY, 3), [SC.SUCCESS, 2]);
	assert.deepEqual(set(FEATURE.INTERRUPT_VECTOR, 0), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(set(FEATURE.INTERRUPT_VECTOR, 0x10000), [SC.SUCCESS, 0]);
	assert.deepEqual(set(FEATURE.INTERRUPT_VECTOR, 3), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(set(FEATURE.ASYNC_EVENTS, 0x4000), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(set(0x06, 0), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(get(0x06), [SC.INVALID_FIELD, 0]);
	assert.deepEqual(get(0xff), [SC.INVALID_FIELD, 0]);
});

test('requests for events are kept until there is one, and there are not too many', t => {
	const {admin, put, ring, take, enable, map} = byHand(t);
	put(0, ADMIN.ASYNC_EVENT_REQUEST, {});
	ring(0);
	assert.equal(map.u16(ACQ + COMPLETION.STATUS), 0);
	assert.equal(admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.TEMPERATURE_THRESHOLD, 300]}).code, SC.SUCCESS);
	assert.equal(admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.TEMPERATURE_THRESHOLD, 290]}).code, SC.SUCCESS);
	const event = take(0);
	assert.deepEqual([event.id, event.value], [0x101, (LOG.HEALTH << 16) | (0x2 << 8) | 1]);
	assert.equal(admin(ADMIN.GET_LOG_PAGE, {prp1: BUFFER, cdw: [LOG.HEALTH | (127 << 16)]}).code, SC.SUCCESS);
	assert.equal(map.u8(BUFFER + HEALTH.WARNING), 0x2);
	enable();
	for (let i = 0; i < 5; i++) {
		put(0, ADMIN.ASYNC_EVENT_REQUEST, {});
		ring(0);
	}
	assert.equal(admin(ADMIN.ASYNC_EVENT_REQUEST).code, SC.EVENT_REQUEST_LIMIT);
});

test('logs, ABORT and the rest of the admin commands', t => {
	const {admin, io, createPair, map} = byHand(t, {writable: true});
	createPair();
	for (let i = 0; i < 3; i++) io(IO.READ, {prp1: BUFFER, prp2: BUFFER + 4096, cdw: [0, 0, 15]});
	io(IO.WRITE, {prp1: BUFFER});
	const log = (page: number, dwords: number, offset = 0) =>
		admin(ADMIN.GET_LOG_PAGE, {prp1: BUFFER, cdw: [page | ((dwords - 1) << 16), 0, offset]}).code;
	assert.equal(log(LOG.HEALTH, 128), SC.SUCCESS);
	assert.deepEqual(
		[HEALTH.READS, HEALTH.WRITES, HEALTH.UNITS_READ].map(field => map.u32(BUFFER + field)),
		[3, 1, 1],
	);
	map.setU32(BUFFER + 8, 0xeeeeeeee);
	assert.equal(log(LOG.FIRMWARE, 2), SC.SUCCESS);
	assert.deepEqual([map.u8(BUFFER), map.u32(BUFFER + 8)], [1, 0xeeeeeeee]);
	assert.equal(log(LOG.ERROR, 1, 64), SC.INVALID_FIELD);
	assert.equal(log(LOG.CHANGED_NAMESPACES, 1024, 4092), SC.SUCCESS);
	assert.equal(log(0x70, 1), SC.INVALID_LOG_PAGE);
	const {code, value} = admin(ADMIN.ABORT, {cdw: [1]});
	assert.deepEqual([code, value], [SC.SUCCESS, 1]);
	assert.equal(admin(ADMIN.FIRMWARE_COMMIT).code, SC.INVALID_FIRMWARE_SLOT);
	assert.equal(admin(ADMIN.SANITIZE).code, SC.INVALID_FIELD);
	assert.equal(admin(0x7c).code, SC.INVALID_OPCODE);
});

test('FORMAT NVM takes one format, and deletes the whole disk', t => {
	const {admin, disk} = byHand(t, {writable: true});
	const format = (what: number) => admin(ADMIN.FORMAT_NVM, {nsid: 1, cdw: [what]}).code;
	assert.deepEqual(
		[format(0x400), format(1), format(0x20)],
		[SC.INVALID_FIELD, SC.INVALID_FORMAT, SC.INVALID_FIELD],
	);
	assert.ok(disk.peek(0, 512).some(byte => byte !== 0));
	assert.equal(format(0x200), SC.SUCCESS);
	assert.ok(disk.peek(0, disk.bytes).every(byte => byte === 0));
});

test('a reset forgets the queues; what was set stays', t => {
	const {admin, createPair, enable, io, device, map} = byHand(t);
	admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.NUMBER_OF_QUEUES, 0]});
	admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.ARBITRATION, 5]});
	assert.equal(createPair(), SC.SUCCESS);
	enable();
	assert.equal(admin(ADMIN.GET_FEATURES, {cdw: [FEATURE.ARBITRATION]}).value, 5);
	// One pair, as the guest asked before the reset: the doorbell of another is not heard.
	device.write(DOORBELLS + 2 * 8, 1);
	assert.equal(device.stopped, undefined);
	assert.equal(createPair(), SC.SUCCESS);
	assert.equal(io(IO.READ, {prp1: BUFFER}).code, SC.SUCCESS);
	assert.equal(admin(ADMIN.SET_FEATURES, {cdw: [FEATURE.NUMBER_OF_QUEUES, 7 | (7 << 16)]}).code, SC.SUCCESS);
	assert.equal(map.u16(CQ + COMPLETION.STATUS) & 1, 1);
});

test('what ends bhyve stops the device with a sentence, and clearing CC.EN revives it', t => {
	const {device, enable, admin, io, createPair, put, ring} = byHand(t);
	const stops = (sentence: RegExp, work: () => void) => {
		work();
		assert.match(device.stopped ?? '', sentence);
		assert.equal(device.read(REG.CSTS), 0xffffffff);
		enable();
		assert.equal(createPair(), SC.SUCCESS);
		assert.equal(io(IO.READ, {prp1: BUFFER}).code, SC.SUCCESS);
	};
	stops(
		/^vm0 nvme stopped: the doorbell of submission queue 0 says entry 9 of 4; .* never have come back\.$/,
		() => device.write(DOORBELLS, 9),
	);
	stops(/submission queue 3 was rung, and it has no memory; bhyve would have crashed/, () =>
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
