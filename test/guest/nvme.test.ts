import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import type {GuestRequest} from '../../source/guest/driver.js';
import {GuestNvme, nvmeProblem} from '../../source/guest/nvme.js';
import {UserError} from '../../source/user-error.js';
import {BUFFER, nvme, onDisk, readSegments, requestOf, rig} from '../helpers/disks.js';

function start(t: Parameters<typeof rig>[0], options: Parameters<typeof rig>[1] = {}) {
	const made = rig(t, options);
	const device = nvme(made);
	return {...made, device, driver: new GuestNvme(made.guest.vm, device)};
}

const OK = {ok: true, text: 'SC 0x0 success'};
const FAILED = {ok: false, text: 'SC 0x4 data transfer error'};

test('the driver gets the size of the disk from IDENTIFY', t => {
	const {driver, disk} = start(t);
	assert.equal(driver.sectors, disk.sectors);
	assert.equal(driver.stopped, undefined);
});

/** Segments that PRPs can name, adjacent or apart. Their total is whole sectors. */
const segmentsOf = fc
	.tuple(
		fc.nat(1023),
		fc.array(fc.tuple(fc.integer({min: 1, max: 60}), fc.nat(2)), {minLength: 1, maxLength: 8}),
		fc.nat(4095),
	)
	.map(([dword, runs, cut]) => {
		let page = BUFFER;
		const segments = runs.map(([pages, gap], i) => {
			const start = page + (i === 0 ? dword * 4 : 0);
			const end = page + pages * 4096;
			page = end + gap * 4096;
			return {gpa: start, bytes: end - start};
		});
		const total = segments.reduce((sum, {bytes}) => sum + bytes, 0);
		// Shortens or extends the last segment to a whole number of sectors.
		const last = segments[segments.length - 1];
		const over = (total % 512) + 512 * (cut % 4);
		last.bytes = last.bytes > over ? last.bytes - over : last.bytes + 512 - (total % 512);
		return segments;
	});

test('a read returns the same bytes in any segments that PRPs can name', t => {
	const made = start(t);
	let lists = 0;
	fc.assert(
		fc.property(segmentsOf, fc.nat(3000), (segments, sector) => {
			const request = requestOf('read', sector, segments);
			fc.pre(nvmeProblem(request) === undefined);
			assert.deepEqual(made.driver.request(request), OK);
			assert.equal(Buffer.compare(readSegments(made, segments), onDisk(made, request)), 0);
			if (segments.length > 1) lists++;
		}),
		{seed: 5, numRuns: 80},
	);
	assert.ok(lists > 20);
});

test('only adjacent pages become one segment', t => {
	const made = start(t);
	const at = (...gpas: number[]) => {
		made.events.length = 0;
		const segments = gpas.map(gpa => ({gpa, bytes: 4096}));
		assert.deepEqual(made.driver.request(requestOf('read', 0, segments)), OK);
		const event = made.events.find(candidate => candidate.at === 'nvme');
		return event?.at === 'nvme' ? [event.prps, event.data] : [];
	};
	assert.deepEqual(at(BUFFER, BUFFER + 0x1000, BUFFER + 0x2000), [3, [{address: BUFFER, bytes: 0x3000}]]);
	assert.deepEqual(at(BUFFER, BUFFER + 0x2000, BUFFER + 0x3000), [
		3,
		[
			{address: BUFFER, bytes: 0x1000},
			{address: BUFFER + 0x2000, bytes: 0x2000},
		],
	]);
});

test('a transfer may have up to 513 scattered pages', t => {
	const made = start(t);
	const segments = Array.from({length: 513}, (_, i) => ({
		gpa: BUFFER + i * 0x2000 + (i === 0 ? 2048 : 0),
		bytes: i === 0 || i === 512 ? 2048 : 4096,
	}));
	const request = requestOf('read', 17, segments);
	assert.equal(segments.length, made.driver.maxSegments);
	assert.deepEqual(made.driver.request(request), OK);
	assert.equal(Buffer.compare(readSegments(made, segments), onDisk(made, request)), 0);
});

test('batches wrap around the queue, whose phase inverts, and each request returns its own bytes', t => {
	const made = start(t);
	for (let round = 0; round < 12; round++) {
		const batch = Array.from({length: 1 + ((round * 7) % 60)}, (_, i) =>
			requestOf('read', (round * 61 + i * 37) % 4000, [
				{gpa: BUFFER + i * 0x4000, bytes: 512 * (1 + (i % 16))},
			]),
		);
		assert.deepEqual(
			made.driver.batch(batch),
			batch.map(() => OK),
		);
		for (const request of batch)
			assert.equal(Buffer.compare(readSegments(made, request.segments), onDisk(made, request)), 0);
	}
});

test('a write reaches the disk, and a delete leaves zeros', t => {
	const made = start(t, {writable: true});
	const text = Buffer.alloc(12288, 'written by the guest. ');
	made.guest.vm.map.write(BUFFER, text);
	const segments = [{gpa: BUFFER, bytes: 12288}];
	assert.deepEqual(made.driver.request(requestOf('write', 100, segments)), OK);
	assert.deepEqual(made.driver.request({op: 'flush', sector: 0, sectors: 0, segments: []}), OK);
	assert.equal(Buffer.compare(made.disk.peek(51200, 12288), text), 0);
	const remove = (sector: number): GuestRequest => ({op: 'delete', sector, sectors: 4, segments: []});
	assert.deepEqual(made.driver.batch([remove(100), remove(108)]), [OK, OK]);
	text.fill(0, 0, 2048);
	text.fill(0, 4096, 6144);
	assert.equal(Buffer.compare(made.disk.peek(51200, 12288), text), 0);
});

test('errors have NVMe’s words, and the next request is served', t => {
	const made = start(t);
	const page = [{gpa: BUFFER, bytes: 4096}];
	const past = {ok: false, text: 'SC 0x80 LBA out of range'};
	const {sectors} = made.disk;
	assert.deepEqual(
		made.driver.batch([
			requestOf('read', sectors - 8, page),
			requestOf('read', sectors - 7, page),
			requestOf('read', 2 ** 44, page),
			requestOf('write', 0, page),
			requestOf('read', 0, [{gpa: 2 ** 40, bytes: 512}]),
			requestOf('read', 8, page),
		]),
		[OK, past, past, FAILED, FAILED, OK],
	);
	assert.equal(Buffer.compare(readSegments(made, page), made.content.subarray(4096, 8192)), 0);
});

test('a request that PRPs cannot name is refused with a message, which is also available beforehand', t => {
	const {driver} = start(t);
	const wrong = [
		requestOf('read', 0, [{gpa: BUFFER + 2, bytes: 512}]),
		requestOf('read', 0, [
			{gpa: BUFFER, bytes: 512},
			{gpa: BUFFER + 0x1000, bytes: 512},
		]),
		requestOf('read', 0, [
			{gpa: BUFFER, bytes: 4096},
			{gpa: BUFFER + 0x1800, bytes: 512},
		]),
		requestOf('read', 0, [{gpa: BUFFER, bytes: 2 * 1024 * 1024 + 512}]),
		{...requestOf('read', 0, [{gpa: BUFFER, bytes: 512}]), sectors: 2},
	];
	for (const request of wrong) {
		assert.match(nvmeProblem(request) ?? '', /\.$/);
		assert.throws(() => driver.request(request), UserError);
	}
	assert.match(nvmeProblem(wrong[1]) ?? '', /^Segment 1 of 2 does not fit PRPs/);
	assert.equal(nvmeProblem(requestOf('read', 0, [{gpa: BUFFER + 4, bytes: 512}])), undefined);
});

test('a copy to NULL would end bhyve, and the driver works again after a reset', t => {
	const made = start(t);
	const page = [{gpa: BUFFER, bytes: 4096}];
	const two = [...page, {gpa: 2 ** 40, bytes: 4096}];
	assert.deepEqual(made.driver.batch([requestOf('read', 0, two), requestOf('read', 0, page)]), [
		undefined,
		undefined,
	]);
	assert.match(
		made.driver.stopped ?? '',
		/^vm0 nvme stopped: nothing is mapped at 0x0; bhyve would have crashed\.$/,
	);
	assert.equal(made.driver.request(requestOf('read', 0, page)), undefined);
	made.driver.reset();
	assert.equal(made.driver.sectors, made.disk.sectors);
	assert.deepEqual(made.driver.request(requestOf('read', 0, page)), OK);
});
