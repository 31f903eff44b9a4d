import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {RING_SIZE, VirtioBlk} from '../../source/bhyve/virtio-blk.js';
import {BLK_S, BLK_T, DESC, DESC_BYTES, queueLayout} from '../../source/formats/virtqueue.js';
import {Vtblk} from '../../source/guest/vtblk.js';
import {Disk} from '../../source/hardware/disk.js';
import {Machine} from '../../source/lab/machine.js';
import {MIB, randomImage} from '../helpers/lab.js';

const QUEUE = queueLayout(0x80000, RING_SIZE);
const BUFFER = 0x200000;

function machine(t: Parameters<typeof randomImage>[0]) {
	const {file, content} = randomImage(t, MIB);
	const disk = Disk.open(file);
	t.after(() => disk.close());
	return {content, ...guestOf(new Machine(64 * MIB, disk, 'keep'))};
}
const guestOf = (host: Machine) => ({host, guest: host.guests[0], other: host.guests[1]});

test('get-id gives the serial; an unknown request is unsupported', t => {
	const {guest} = machine(t);
	const segment = [{gpa: BUFFER, bytes: 20}];
	assert.equal(guest.driver.request(BLK_T.GET_ID, 0, segment, true), BLK_S.OK);
	assert.match(Buffer.from(guest.vm.map.read(BUFFER, 20)).toString('latin1'), /^BHYVE-/);
	assert.equal(guest.driver.request(99, 0, segment, true), BLK_S.UNSUPP);
	assert.equal(guest.driver.request(BLK_T.FLUSH, 0, [], true), BLK_S.OK);
});

test('a write to a read-only disk is an I/O error', t => {
	const {guest} = machine(t);
	assert.equal(guest.driver.request(BLK_T.OUT, 0, [{gpa: BUFFER, bytes: 512}], false), BLK_S.IOERR);
});

test('any cut of a read into segments brings the same bytes', t => {
	const {guest, content} = machine(t);
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 1, max: 9000}), {minLength: 2, maxLength: 40}),
			fc.nat(1000),
			(sizes, lba) => {
				// Whole sectors in all; each segment on its own may have any length, anywhere.
				const total = sizes.reduce((sum, size) => sum + size, 0);
				const lengths = [...sizes, 512 - (total % 512)];
				let gpa = BUFFER + 3;
				const segments = lengths.map(bytes => {
					const segment = {gpa, bytes};
					gpa += bytes + 77;
					return segment;
				});
				assert.equal(guest.driver.request(BLK_T.IN, lba, segments, true), BLK_S.OK);
				let at = lba * 512;
				for (const segment of segments) {
					const there = guest.vm.map.read(segment.gpa, segment.bytes);
					assert.equal(Buffer.compare(there, content.subarray(at, at + segment.bytes)), 0);
					at += segment.bytes;
				}
			},
		),
		{seed: 5, numRuns: 40},
	);
});

/** The machine's memory outside one guest, for seeing that nothing of it changes. */
function outside(host: Machine, vm: string): {hpa: number; copy: Uint8Array}[] {
	const watched = host.pages
		.owned()
		.filter(({owner}) => owner !== vm && owner !== 'ahci0' && owner !== `bhyve ${vm}`);
	return watched.map(({hpa, pages}) => ({hpa, copy: host.memory.view(hpa, pages * 4096).slice()}));
}

test('a guest that breaks its ring stops its own disk, harms nobody, and may start anew', t => {
	const {host, guest, other} = machine(t);
	const before = outside(host, 'vm0');
	const anyWord = fc.oneof(
		fc.integer({min: 0, max: 0xffffffff}),
		fc.constantFrom(0, 1, 16, 512, 0x80000, 0x1000000, 0xffffffff),
	);
	fc.assert(
		fc.property(
			fc.array(fc.tuple(fc.nat(7), fc.constantFrom(...Object.values(DESC)), anyWord), {maxLength: 12}),
			fc.nat(0xffff),
			fc.array(fc.nat(0xffff), {minLength: 1, maxLength: 4}),
			(words, index, heads) => {
				guest.driver.reset();
				const {map} = guest.vm;
				for (const [descriptor, field, value] of words) {
					const at = QUEUE.descriptors + descriptor * DESC_BYTES + field;
					if (field === DESC.FLAGS || field === DESC.NEXT) map.setU16(at, value & 0xffff);
					else map.setU32(at, value);
				}
				heads.forEach((head, i) => {
					map.setU16(QUEUE.avail + 4 + 2 * i, head);
				});
				map.setU16(QUEUE.avail + 2, index);
				guest.blk.notify();
			},
		),
		{seed: 6, numRuns: 300},
	);
	for (const {hpa, copy} of before) assert.equal(Buffer.compare(host.memory.view(hpa, copy.length), copy), 0);
	guest.driver.reset();
	assert.equal(guest.driver.request(BLK_T.IN, 0, [{gpa: BUFFER, bytes: 512}], true), BLK_S.OK);
	assert.equal(other.driver.request(BLK_T.IN, 0, [{gpa: BUFFER, bytes: 512}], true), BLK_S.OK);
});

test('a chain that loops, and a queue outside memory, stop the device with a sentence', t => {
	const {guest} = machine(t);
	const {map} = guest.vm;
	map.setU16(QUEUE.descriptors + DESC.FLAGS, 1);
	map.setU16(QUEUE.avail + 2, 1);
	guest.blk.notify();
	assert.match(guest.blk.stopped ?? '', /^vm0 virtio-blk stopped: the descriptor chain loops/);
	const blk = new VirtioBlk(guest.blk.ctx, guest.blockIf, 'x');
	blk.setQueue(queueLayout(2 ** 40, RING_SIZE));
	assert.match(blk.stopped ?? '', /placed its queue outside its memory/);
	assert.ok(new Vtblk(guest.vm, guest.blk).sectors > 0);
});
