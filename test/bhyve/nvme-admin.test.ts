import assert from 'node:assert/strict';
import {test} from 'node:test';
import {
	ADMIN,
	ALL_NAMESPACES,
	CNS,
	COMPLETION,
	CONTIGUOUS,
	CONTROLLER,
	FEATURE,
	HEALTH,
	IO,
	LOG,
	NAMESPACE,
	SC,
} from '../../source/formats/nvme.js';
import {BUFFER} from '../helpers/disks.js';
import {ACQ, CQ, nvmeByHand, SQ} from '../helpers/nvme.js';

test('IDENTIFY returns the controller, its namespace and the lists', t => {
	const {admin, map, disk} = nvmeByHand(t);
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

test('a page that starts inside another continues in PRP2, and memory that cannot be written is skipped', t => {
	const {admin, map} = nvmeByHand(t);
	admin(ADMIN.IDENTIFY, {prp1: BUFFER, cdw: [CNS.CONTROLLER]});
	const page = map.read(BUFFER, 4096);
	const prps = {prp1: BUFFER + 0x1f00, prp2: BUFFER + 0x5000};
	assert.equal(admin(ADMIN.IDENTIFY, {...prps, cdw: [CNS.CONTROLLER]}).code, SC.SUCCESS);
	const parts = Buffer.concat([map.read(BUFFER + 0x1f00, 0x100), map.read(BUFFER + 0x5000, 0xf00)]);
	assert.equal(Buffer.compare(parts, page), 0);
	assert.equal(admin(ADMIN.IDENTIFY, {prp1: 2 ** 40, cdw: [CNS.CONTROLLER]}).code, SC.SUCCESS);
});

test('queues are created and deleted with bhyve’s checks', t => {
	const {admin, createPair} = nvmeByHand(t);
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

test('features are set and read with bhyve’s checks', t => {
	const {admin} = nvmeByHand(t);
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

test('requests for events wait for an event, up to a limit', t => {
	const {admin, put, ring, take, enable, map} = nvmeByHand(t);
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

test('logs, ABORT and the other admin commands end as in bhyve', t => {
	const {admin, io, createPair, map} = nvmeByHand(t, {writable: true});
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

test('FORMAT NVM accepts one format and deletes the whole disk', t => {
	const {admin, disk} = nvmeByHand(t, {writable: true});
	const format = (cdw10: number) => admin(ADMIN.FORMAT_NVM, {nsid: 1, cdw: [cdw10]}).code;
	assert.deepEqual(
		[format(0x400), format(1), format(0x20)],
		[SC.INVALID_FIELD, SC.INVALID_FORMAT, SC.INVALID_FIELD],
	);
	assert.ok(disk.peek(0, 512).some(byte => byte !== 0));
	assert.equal(format(0x200), SC.SUCCESS);
	assert.ok(disk.peek(0, disk.bytes).every(byte => byte === 0));
});
