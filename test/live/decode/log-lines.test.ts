import assert from 'node:assert/strict';
import {test} from 'node:test';
import {LogLines} from '../../../source/live/decode/log-lines.js';

function linesOf(pieces: readonly (string | Buffer)[], wants: () => number = () => 0) {
	const given: [line: string, interest: string][] = [];
	const lines = new LogLines((line, interest) => given.push([line, interest]), wants, 0);
	for (const piece of pieces) lines.push(Buffer.from(piece));
	lines.end();
	return given;
}

test('only the lines around the words are decoded', () => {
	const given = linesOf(['usb 1-1: new device\n[1.0] DMAR: fault\nhello\n\nAMD-Vi: event\nbye']);
	assert.deepEqual(
		given.map(([line]) => line),
		['[1.0] DMAR: fault', 'AMD-Vi: event'],
	);
});

test('the last line counts without its newline, and a line in many pieces is one', () => {
	assert.deepEqual(linesOf(['hello\nDM', 'A', 'R: fa', 'ult'])[0], ['DMAR: fault', 'fault']);
});

test('a reader that needs more gets the next lines, even across pieces', () => {
	for (const pieces of [['AMD-Vi: open\nx\ny\nz\n'], ['AMD-Vi: open\n', 'x\ny\n', 'z\n']]) {
		let wants = 0;
		const seen: string[] = [];
		const lines = new LogLines(
			line => {
				wants = line === 'AMD-Vi: open' ? 2 : wants - 1;
				seen.push(line);
			},
			() => wants,
			0,
		);
		for (const piece of pieces) lines.push(Buffer.from(piece));
		lines.end();
		assert.deepEqual(seen, ['AMD-Vi: open', 'x', 'y']);
	}
});

test('a driver’s message about a function is context, once per change of driver', () => {
	const given = linesOf([
		'ahci 0000:00:1f.2: a\nahci 0000:00:1f.2: b\nvfio-pci 0000:00:1f.2: c\naddress 0x0000:1\npci 0000:00:02.0: [8086:1912] type 00\n',
	]);
	assert.deepEqual(
		given.map(([line, interest]) => [line, interest]),
		[
			['ahci 0000:00:1f.2: a', 'context'],
			['vfio-pci 0000:00:1f.2: c', 'context'],
			['pci 0000:00:02.0: [8086:1912] type 00', 'context'],
		],
	);
});

test('a line with both a driver and a fault is a fault', () => {
	assert.deepEqual(
		linesOf([
			'ahci 0000:00:1f.2: AMD-Vi: Event logged [IO_PAGE_FAULT]\nahci 0000:00:1f.2: AMD-Vi: again\n',
		]).map(([, interest]) => interest),
		['fault', 'fault'],
	);
});

test('an endless line is cut around the word', () => {
	const [[line]] = linesOf([`${'x'.repeat(100_000)}DMAR: fault${'y'.repeat(100_000)}\n`]);
	assert.match(line, /^\?x+DMAR: faulty+\?$/);
	assert.ok(line.length <= 4098);
	const gigabyte = Array.from({length: 64}, () => Buffer.alloc(1024 ** 2, 'z'));
	const before = process.memoryUsage().rss;
	assert.deepEqual(
		linesOf([...gigabyte, '\nDMAR: fault\n']).map(([each]) => each),
		['DMAR: fault'],
	);
	assert.ok(process.memoryUsage().rss - before < 200 * 1024 ** 2);
});

test('cutting a line does not create new text', () => {
	const given = linesOf([
		`${'x'.repeat(65525)}DMAR: `,
		'y'.repeat(100_000),
		'fault addr 0x1000\n',
		'DMAR: next\n',
	]);
	assert.ok(given.every(([line]) => !line.includes('DMAR: fault')));
	assert.ok(given[0][0].endsWith('?'));
	assert.equal(given.at(-1)?.[0], 'DMAR: next');
});

test('bytes that are not text are harmless', () => {
	const noise = Buffer.from(Array.from({length: 65536}, (_, i) => (i * 7919) & 0xff));
	assert.equal(
		linesOf([noise, Buffer.from('\nDMAR: fault\n'), noise]).filter(([line]) => line === 'DMAR: fault').length,
		1,
	);
});

test('a log is UTF-8: characters stay whole across pieces, and invalid bytes are marked', () => {
	const bytes = Buffer.concat([
		Buffer.from('DMAR: größe 日本 😀 '),
		Buffer.from([0xff, 0xc3, 0x28, 0x9b]),
		Buffer.from('\n'),
	]);
	const line = 'DMAR: größe 日本 😀 \ufffd\ufffd(\ufffd';
	for (let cut = 0; cut <= bytes.length; cut++)
		assert.deepEqual(linesOf([bytes.subarray(0, cut), bytes.subarray(cut)]), [[line, 'fault']]);
});

test('cutting a long line splits no character', () => {
	for (let shift = 0; shift < 4; shift++) {
		const around = '😀'.repeat(5000);
		const [[line]] = linesOf([`${'x'.repeat(shift)}${around}DMAR: fault${around}\n`]);
		assert.match(line, /^\?😀{100,}DMAR: fault😀+\?$/u);
	}
});

test('of what may be a paste, all lines are given', () => {
	const given: string[] = [];
	const lines = new LogLines(
		line => given.push(line),
		() => 0,
		20,
	);
	lines.push(Buffer.from('02:00.0 Ethernet\nhello\nfar beyond\nDMAR: fault\n'));
	assert.deepEqual(given, ['02:00.0 Ethernet', 'hello', 'DMAR: fault']);
});

test('a line of many messages is given whole, in pieces that cut none', () => {
	const message = '[   10.500000] DMAR: [DMA Read NO_PASID] Request device [3b:00.0] fault addr 0x1000';
	const given = linesOf([`${`${message} `.repeat(100)}\n`]).map(([line]) => line);
	assert.ok(given.every(line => line.length <= 4098));
	assert.equal(given.join('').split('DMAR: [DMA Read').length - 1, 100);
	for (const line of given) assert.equal(line.split('[   10').length, line.split('fault addr 0x1000').length);
});

test('the line before a line is at hand', () => {
	const before: string[] = [];
	for (const pieces of [
		['one\ntwo\nDMAR: fault\n'],
		['one\ntwo\n', 'DMAR: fault\n'],
		['one\ntw', 'o\nDMAR: f', 'ault\n'],
	]) {
		const lines = new LogLines(
			(_line, _interest, earlier) => before.push(earlier()),
			() => 0,
			0,
		);
		for (const piece of pieces) lines.push(Buffer.from(piece));
	}
	assert.deepEqual(before, ['two', 'two', 'two']);
});
