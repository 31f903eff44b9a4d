import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {Decoder} from '../../../source/live/decode/decoder.js';
import type {Reading} from '../../../source/live/decode/fault.js';
import {eventJson} from '../../../source/live/decode/fault-json.js';
import {type Entry, readCorpus} from '../../helpers/faults.js';

const corpus = readCorpus();

/** A log in one piece, its readings, and each fault with its explanation. */
function decoded(log: Buffer) {
	const readings: Reading[] = [];
	const decoder = new Decoder(reading => readings.push(reading));
	decoder.push(log);
	decoder.end();
	const faults = readings.flatMap(reading => {
		if (reading.is !== 'fault') return [];
		const group = decoder.storm.groups.find(({fault}) => sameGroup(fault, reading.fault));
		assert.ok(group, 'a fault is in no group');
		return [eventJson(reading.fault, reading.times, decoder.explain(group))];
	});
	return {faults, storm: decoder.storm};
}

const sameGroup = (a: object, b: object): boolean => {
	const kind = ({
		address: _,
		time: __,
		driver: ___,
		detail: ____,
		index: _____,
		domain: ______,
		words: _______,
		...rest
	}: Record<string, unknown>) => JSON.stringify(rest, Object.keys(rest).sort());
	return kind({...a}) === kind({...b}) || JSON.stringify(a) === JSON.stringify(b);
};

for (const [i, entry] of corpus.entries()) {
	test(`corpus ${i + 1}: ${entry.from ?? `made after ${entry['made after']}`}`, () => {
		check(entry);
	});
}

function check({
	log,
	faults: expected,
	notUnderstood = 0,
	overflows = 0,
	suppressed = {},
	total,
}: Entry): void {
	const {faults, storm} = decoded(Buffer.from(log));
	assert.equal(faults.length, expected.length, JSON.stringify([faults.map(({name}) => name), storm.samples]));
	for (const [i, {says = [], ...fields}] of expected.entries()) {
		const fault: Record<string, unknown> = JSON.parse(JSON.stringify(faults[i]));
		const numbers = {flags: fault.flags, domain: fault.domain, pasid: fault.pasid};
		for (const [name, value] of Object.entries(fields)) {
			const is = name in numbers && fault[name] !== undefined ? Number(fault[name]) : fault[name];
			assert.deepEqual(is ?? null, value, `${name} of fault ${i + 1}`);
		}
		const text = JSON.stringify(fault);
		for (const words of says)
			assert.ok(
				words.split('|').some(each => text.includes(each)),
				`${words} is to be said of fault ${i + 1}: ${text}`,
			);
	}
	assert.equal(storm.notUnderstood, notUnderstood, `not understood: ${storm.samples.join('\n')}`);
	assert.equal(storm.overflows, overflows, 'overflows');
	assert.deepEqual(Object.fromEntries(storm.suppressed), suppressed);
	assert.equal(storm.faults, total ?? expected.length);
}

test('only addresses of host drivers, not a guest’s, are compared with Linux’s allocator', () => {
	const line = (driver: string, address: string) =>
		`${driver} 0000:07:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000f address=${address} flags=0x0000]\n`;
	const here = (driver: string, address: string) =>
		decoded(Buffer.from(line(driver, address))).faults[0]?.here.join() ?? '';
	assert.match(here('nvme', '0xfffc0000'), /just under 4 GiB/);
	assert.match(here('nvme', '0x7fffff00000'), /just under 2\^43/);
	assert.equal(here('nvme', '0x7f123400000'), '');
	for (const driver of ['vfio-pci', 'mlx5_vfio_pci', 'pciback'])
		for (const address of ['0xfffc0000', '0x7fffff00000']) assert.equal(here(driver, address), '');
});

test('Xen stops a device that faults again and again', () => {
	const line = '(XEN) AMD-Vi: IO_PAGE_FAULT: 0000:00:13.1 d0 addr 00000000000eb380 flags 0x20 RW\n';
	const here = (times: number) => decoded(Buffer.from(line.repeat(times))).faults[0]?.here.join();
	assert.doesNotMatch(here(9) ?? '', /bus master/);
	assert.match(here(10) ?? '', /bus master/);
});

test('the corpus reads the same in pieces of any size', () => {
	const log = Buffer.from(corpus.map(({log}) => log).join(''));
	const whole = decoded(log);
	for (const size of [1, 7, 64, 1000, 4096]) {
		const readings: Reading[] = [];
		const decoder = new Decoder(reading => readings.push(reading));
		for (let at = 0; at < log.length; at += size) decoder.push(log.subarray(at, at + size));
		decoder.end();
		assert.deepEqual(
			[decoder.storm.faults, decoder.storm.notUnderstood, decoder.storm.groups.length],
			[whole.storm.faults, whole.storm.notUnderstood, whole.storm.groups.length],
			`pieces of ${size}`,
		);
	}
});

test('every entry of the corpus names its source', () => {
	for (const entry of corpus) assert.ok((entry.from ?? entry['made after'] ?? '').length > 10, entry.log);
	assert.ok(fs.existsSync(path.join(import.meta.dirname, 'corpus.yaml')));
});
