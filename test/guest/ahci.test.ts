import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {ahciProblem, GuestAhci} from '../../source/guest/ahci.js';
import {UserError} from '../../source/user-error.js';
import {ahciHd, BUFFER, onDisk, readSegments, requestOf, rig} from '../helpers/disks.js';

function start(t: Parameters<typeof rig>[0], options: Parameters<typeof rig>[1] = {}) {
	const made = rig(t, options);
	const device = ahciHd(made);
	return {...made, device, driver: new GuestAhci(made.guest.vm, device)};
}

const OK = {ok: true, text: 'TFD 0x50'};
const ABORTED = {ok: false, text: 'TFD 0x441 ABRT'};

test('the driver gets the size of the disk from IDENTIFY', t => {
	const {driver, disk} = start(t);
	assert.equal(driver.sectors, disk.sectors);
	assert.equal(driver.stopped, undefined);
});

test('a read returns the same bytes in any segments, even more than one iovec holds', t => {
	const made = start(t);
	fc.assert(
		fc.property(
			fc.array(fc.integer({min: 1, max: 3000}), {minLength: 1, maxLength: 180}),
			fc.nat(1000),
			(words, sector) => {
				const total = words.reduce((sum, count) => sum + 2 * count, 0);
				let gpa = BUFFER + 2;
				const segments = [...words.map(count => 2 * count), 512 - (total % 512)].map(bytes => {
					const segment = {gpa, bytes};
					gpa += bytes + 78;
					return segment;
				});
				const request = requestOf('read', sector, segments);
				assert.deepEqual(made.driver.request(request), OK);
				assert.equal(Buffer.compare(readSegments(made, segments), onDisk(made, request)), 0);
			},
		),
		{seed: 5, numRuns: 60},
	);
});

test('a segment longer than a PRD takes several', t => {
	const made = start(t, {bytes: 9 * 1024 * 1024});
	const request = requestOf('read', 1, [{gpa: BUFFER, bytes: 9 * 1024 * 1024 - 512}]);
	assert.deepEqual(made.driver.request(request), OK);
	assert.equal(Buffer.compare(readSegments(made, request.segments), onDisk(made, request)), 0);
});

test('a batch with more reads than slots is queued, and each read returns its own bytes', t => {
	const made = start(t);
	const batch = Array.from({length: 75}, (_, i) =>
		requestOf('read', (i * 37) % 4000, [{gpa: BUFFER + i * 0x3000, bytes: 512 * (1 + (i % 16))}]),
	);
	assert.deepEqual(
		made.driver.batch(batch),
		batch.map(() => OK),
	);
	for (const request of batch)
		assert.equal(Buffer.compare(readSegments(made, request.segments), onDisk(made, request)), 0);
	const slots = made.events.flatMap(event => (event.at === 'ahci-hd' ? [event.slot] : []));
	assert.equal(slots.length, 75);
	assert.ok(new Set(slots).size === 31);
	// block_if had many at a time: they were issued before the first was done.
	const most = Math.max(...made.events.map(event => (event.at === 'queue' ? event.pending + event.busy : 0)));
	assert.ok(most > 8, `${most} at once`);
});

test('the driver finds the failed requests of a queued batch in the log, and completes the others', t => {
	const made = start(t, {writable: false});
	const at = (i: number) => [{gpa: BUFFER + i * 4096, bytes: 4096}];
	const batch = Array.from({length: 20}, (_, i) => requestOf(i % 7 === 3 ? 'write' : 'read', 8 * i, at(i)));
	const answers = made.driver.batch(batch);
	batch.forEach((request, i) => {
		assert.deepEqual(answers[i], request.op === 'read' ? OK : ABORTED);
		if (request.op === 'read')
			assert.equal(Buffer.compare(readSegments(made, request.segments), onDisk(made, request)), 0);
	});
});

test('each request of a batch that is not queued has its own answer', t => {
	const made = start(t, {writable: false});
	const segments = [{gpa: BUFFER, bytes: 4096}];
	const answers = made.driver.batch([
		requestOf('read', 0, segments),
		requestOf('write', 0, segments),
		{op: 'delete', sector: 0, sectors: 8, segments: []},
		requestOf('read', 8, segments),
	]);
	assert.deepEqual(answers, [OK, ABORTED, ABORTED, OK]);
	assert.equal(Buffer.compare(readSegments(made, segments), made.content.subarray(4096, 8192)), 0);
});

test('a write reaches the disk, and a delete leaves zeros', t => {
	const made = start(t, {writable: true});
	const text = Buffer.alloc(8192, 'written by the guest. ');
	made.guest.vm.map.write(BUFFER, text);
	const segments = [
		{gpa: BUFFER, bytes: 1024},
		{gpa: BUFFER + 1024, bytes: 7168},
	];
	assert.deepEqual(made.driver.request(requestOf('write', 100, segments)), OK);
	assert.deepEqual(made.driver.request({op: 'flush', sector: 0, sectors: 0, segments: []}), OK);
	assert.equal(Buffer.compare(made.disk.peek(51200, 8192), text), 0);
	assert.deepEqual(made.driver.request({op: 'delete', sector: 104, sectors: 8, segments: []}), OK);
	const zeroed = Buffer.concat([text.subarray(0, 2048), Buffer.alloc(4096), text.subarray(0, 2048)]);
	text.copy(zeroed, 6144, 6144);
	assert.equal(Buffer.compare(made.disk.peek(51200, 8192), zeroed), 0);
});

test('a long delete takes several ranges', t => {
	const made = start(t, {writable: true, bytes: 40 * 1024 * 1024});
	assert.deepEqual(made.driver.request({op: 'delete', sector: 1, sectors: 70000, segments: []}), OK);
	assert.ok(made.disk.peek(512, 70000 * 512).every(byte => byte === 0));
	assert.equal(
		Buffer.compare(
			made.disk.peek(70001 * 512, 512),
			onDisk(made, requestOf('read', 70001, [{gpa: 0, bytes: 512}])),
		),
		0,
	);
});

test('a read at the end of the disk reads nothing, which bhyve does not report as an error', t => {
	const made = start(t);
	const segments = [{gpa: BUFFER, bytes: 4096}];
	made.guest.vm.map.write(BUFFER, new Uint8Array(4096).fill(0xee));
	assert.deepEqual(made.driver.request(requestOf('read', made.disk.sectors, segments)), OK);
	assert.ok(readSegments(made, segments).every(byte => byte === 0xee));
	assert.deepEqual(made.driver.request(requestOf('read', made.disk.sectors + 1, segments)), ABORTED);
});

test('a request that no command can carry is refused with a message, which is also available beforehand', t => {
	const {driver} = start(t);
	const odd = requestOf('read', 0, [{gpa: BUFFER + 1, bytes: 512}]);
	const many = requestOf(
		'read',
		0,
		Array.from({length: 200}, (_, i) => ({gpa: BUFFER + i * 512, bytes: 512})),
	);
	const huge: Parameters<typeof ahciProblem>[0] = {...odd, segments: [], sectors: 65537};
	for (const request of [odd, many, huge]) {
		assert.match(ahciProblem(request) ?? '', /\.$/);
		assert.throws(() => driver.request(request), UserError);
	}
	assert.equal(ahciProblem(requestOf('read', 0, [{gpa: BUFFER, bytes: 512}])), undefined);
});

test('a segment outside memory is an error, and the next request is served', t => {
	const made = start(t);
	assert.deepEqual(made.driver.request(requestOf('read', 0, [{gpa: 2 ** 40, bytes: 512}])), ABORTED);
	const segments = [{gpa: BUFFER, bytes: 512}];
	assert.deepEqual(made.driver.request(requestOf('read', 0, segments)), OK);
	// Several segments go through the worker's buffer, and a copy to NULL would end bhyve.
	const two = [...segments, {gpa: 2 ** 40, bytes: 512}];
	assert.deepEqual(made.driver.batch([requestOf('read', 0, two), requestOf('read', 0, segments)]), [
		undefined,
		undefined,
	]);
	assert.match(
		made.driver.stopped ?? '',
		/^vm0 ahci-hd stopped: nothing is mapped at 0x0; bhyve would have crashed\.$/,
	);
	assert.equal(made.driver.request(requestOf('read', 0, segments)), undefined);
	made.driver.reset();
	assert.deepEqual(made.driver.request(requestOf('read', 0, segments)), OK);
});
