// Lines that are damaged in every way must bring no crash and no wrong claim: whatever is said of a fault stands in
// the lines as such.

import assert from 'node:assert/strict';
import {test} from 'node:test';
import fc from 'fast-check';
import {Decoder} from '../../../source/live/decode/decoder.js';
import type {LoggedFault, Reading} from '../../../source/live/decode/fault.js';
import {closing, paragraph} from '../../../source/live/decode/report.js';
import {readCorpus} from '../../helpers/faults.js';
import {fuzz} from '../../helpers/fuzz.js';

const corpus = readCorpus();
const lines = corpus.flatMap(({log}) => log.split('\n')).filter(line => line !== '');

/** Pieces that turn a line into nearly another. */
const PIECES = [
	...[
		'0x',
		'0',
		'f',
		'ffffffff',
		'[',
		']',
		':',
		'.',
		' ',
		'  ',
		'\t',
		'\n',
		'\r',
		'\0',
		'\x1b[31m',
		'\x80\xff',
		'PASID ',
	],
	...[
		'NO_PASID',
		'device=',
		'domain=',
		'flags=0x',
		'address=0x',
		'fault addr ',
		'[fault reason 0x',
		'DMAR: ',
		'AMD-Vi: ',
	],
	...[
		'Event logged [',
		'IO_PAGE_FAULT ',
		'Request device [',
		'\\x0a',
		'sid ',
		'write 1',
		'message repeated 9 times',
		'9'.repeat(40),
	],
	...['DMAR:[fault reason 06] PTE Read access is not set', 'callbacks suppressed', 'a'.repeat(5000)],
];

type Damage =
	| {do: 'cut'; from: number; length: number}
	| {do: 'put'; at: number; piece: string}
	| {do: 'change'; at: number; to: number}
	| {do: 'swap'; at: number; with: number}
	| {do: 'splice'; at: number; line: string};

const place = fc.nat(400);
const damage: fc.Arbitrary<Damage> = fc.oneof(
	fc.record({do: fc.constant<'cut'>('cut'), from: place, length: fc.integer({min: 1, max: 40})}),
	fc.record({do: fc.constant<'put'>('put'), at: place, piece: fc.constantFrom(...PIECES)}),
	fc.record({do: fc.constant<'change'>('change'), at: place, to: fc.nat(255)}),
	fc.record({do: fc.constant<'swap'>('swap'), at: place, with: place}),
	fc.record({do: fc.constant<'splice'>('splice'), at: place, line: fc.constantFrom(...lines)}),
);

function damaged(line: string, how: Damage): string {
	const at = (position: number) => position % (line.length + 1);
	switch (how.do) {
		case 'cut':
			return line.slice(0, at(how.from)) + line.slice(at(how.from) + how.length);
		case 'put':
			return line.slice(0, at(how.at)) + how.piece + line.slice(at(how.at));
		case 'change':
			return line.slice(0, at(how.at)) + String.fromCharCode(how.to) + line.slice(at(how.at) + 1);
		case 'swap': {
			const letters = [...line];
			const [a, b] = [at(how.at), at(how.with)];
			[letters[a], letters[b]] = [letters[b] ?? '', letters[a] ?? ''];
			return letters.join('');
		}
		case 'splice':
			return line.slice(0, at(how.at)) + how.line.slice(how.at % (how.line.length + 1));
	}
}

const damagedLine = fc
	.tuple(fc.constantFrom(...lines), fc.array(damage, {minLength: 0, maxLength: 4}))
	.map(([line, paths]) => paths.reduce(damaged, line));

/** Some lines one after the other: what belongs together, and what does not. */
const LINES_A_LOG = 3;
const log = fc.array(damagedLine, {minLength: 1, maxLength: LINES_A_LOG});

test('damaged lines cause no crash and no wrong claim', t => {
	const seen = {lines: 0, faults: 0, notUnderstood: 0};
	fc.assert(
		fc.property(log, damagedLines => {
			const bytes = Buffer.from(damagedLines.join('\n'), 'latin1');
			const text = bytes.toString();
			const readings: Reading[] = [];
			const decoder = new Decoder(reading => readings.push(reading));
			decoder.push(bytes);
			decoder.end();
			for (const reading of readings) if (reading.is === 'fault') claimsStand(reading.fault, text);
			seen.lines += damagedLines.length;
			seen.faults += readings.filter(({is}) => is === 'fault').length;
			seen.notUnderstood += decoder.storm.notUnderstood;
			for (const group of decoder.storm.groups)
				assert.ok(paragraph(group, decoder.explain(group)).length > 1);
			assert.ok(closing(decoder.storm).length > 0);
		}),
		fuzz(1334, 20261122),
	);
	// Neither is all lost, nor is all taken for whole.
	assert.ok(seen.faults > seen.lines / 10 && seen.notUnderstood > seen.lines / 10, JSON.stringify(seen));
	if (process.env.DMASCOPE_FUZZ) t.diagnostic(JSON.stringify(seen));
});

/** Each claim, in one of the ways in which kernels write it. */
function claimsStand(fault: LoggedFault, text: string): void {
	// Colours, carriage returns and NULs are not in the message.
	// biome-ignore lint/suspicious/noControlCharactersInRegex: as the decoder takes them out
	const clean = text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
	// A message that was wrapped is put together, at a space or within a word.
	const ways = [clean, clean.replaceAll('\n', ' '), clean.replaceAll('\n', '')];
	const says = (...paths: (string | RegExp)[]) =>
		assert.ok(
			paths.some(path => ways.some(way => (typeof path === 'string' ? way.includes(path) : path.test(way)))),
			`${JSON.stringify(fault)} claims ${paths.join(' or ')}, of ${JSON.stringify(text)}`,
		);
	const raw = /amdiommu\d+: event type|[A-Z]{2} [0-9a-f]{8} [0-9a-f]{8} |EventCode: /.test(clean);
	// Other systems and IOMMUs write devices in decimal, and reasons in bits of registers.
	const isPlain = /^(vt-d|amd-vi)$/.test(fault.family) && /^(Linux|FreeBSD|QEMU|Xen)$/.test(fault.by);
	if (fault.device !== undefined && isPlain) deviceStands(fault, says, raw);
	if (fault.address !== undefined) {
		const {hi, lo} = fault.address;
		const digits = (BigInt(hi) * 2n ** 32n + BigInt(lo)).toString(16);
		if (raw) says(new RegExp(`${hex8(lo)} (?:0x)?${hex8(hi)}`), new RegExp(`0*${digits}(?![0-9a-f])`));
		// An SMMU's words may be torn by a space.
		else if (fault.family === 'smmu-v3')
			says(new RegExp(`0*${digits}`), new RegExp(`${hex8(hi)} ?${hex8(lo)}`), /fetch_addr|0x[0-9a-f]{16}/);
		else says(new RegExp(`(?<![0-9a-f])0*${digits}(?![0-9a-zA-Z])`));
	}
	if (!isPlain) return;
	if (fault.reason !== undefined) {
		const hex = fault.reason.toString(16);
		says(
			new RegExp(`reason 0x0?${hex}(?![0-9a-f])`),
			new RegExp(`reason 0*${fault.reason}\\]`),
			// Xen
			new RegExp(`reason 0?${hex}(?: -|h\\])`),
			new RegExp(`fault ${fault.reason} `),
		);
	}
	for (const [name, value] of [
		['flags', fault.flags],
		['domain', fault.domain],
		['pasid', fault.pasid],
	] as const) {
		if (value === undefined || raw || /INV_DTE/.test(clean)) continue;
		says(
			new RegExp(
				`(?:${name}=0x|domain=0x|DomId:0x|Addr:0x[0-9a-f]+ 0x|PASID (?:0x)?|pasid=0x)0*${value.toString(16)}(?![0-9a-f])`,
			),
			// Xen, whose domains are decimal.
			new RegExp(`flags (?:= )?(?:0x)?${value.toString(16)}(?![0-9a-f])`),
			new RegExp(`(?:domain = 0*${value},| d0*${value} addr)`),
		);
	}
	if (fault.index !== undefined) {
		const {index} = fault;
		// FreeBSD and QEMU print the record's whole address, whose bits 63:48 the index is.
		const inAddress = [...clean.matchAll(/addr (?:0x)?([0-9a-f]+)/g)].some(
			([, digits]) => BigInt(`0x${digits}`) >> 48n === BigInt(index),
		);
		if (!inAddress) says(new RegExp(`fault index (?:0x)?0*${index.toString(16)}(?![0-9a-f])`));
	}
	if (fault.driver !== undefined) says(`${fault.driver} `, `${fault.driver}:`, ` ${fault.driver}`);
	if (fault.access !== undefined && !raw) accessStands(fault.access, ways.join('\n'), fault);
}

const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

function deviceStands(
	{device}: LoggedFault,
	says: (...paths: (string | RegExp)[]) => void,
	raw: boolean,
): void {
	if (device === undefined) return;
	const {rid, segment} = device;
	const [bus, slot, fn] = [rid >>> 8, (rid >>> 3) & 0x1f, rid & 7];
	const two = (value: number) => value.toString(16).padStart(2, '0');
	const linux = `(?:0x)?${two(bus)}:(?:0x)?${two(slot)}\\.${fn}`;
	says(
		new RegExp(segment === undefined ? linux : `${segment.toString(16).padStart(4, '0')}:${linux}`),
		new RegExp(`(?:sid 0x|sid |SID |devId:0x|devid:0x|device id = 0x)0*${rid.toString(16)}(?![0-9a-f])`),
		`dev=${two(bus)}:${two(slot)}:0${fn}`,
		...(raw ? [new RegExp(`[0-9a-f]{4}${rid.toString(16).padStart(4, '0')} `)] : []),
	);
}

function accessStands(access: 'read' | 'write', clean: string, {flags, family, by}: LoggedFault): void {
	if (family === 'amd-vi') {
		assert.equal(access, (flags ?? 0) & 0x20 ? 'write' : 'read');
		return;
	}
	// Other IOMMUs have it in a bit of a register.
	if (family !== 'vt-d') return;
	const isRead = access === 'read';
	const paths =
		by === 'Linux' || by === 'Xen'
			? [`DMA ${isRead ? 'Read' : 'Write'}`]
			: isRead
				? ['acc 1', 'write 0', 'write=0', 'DMA read', 'read error', 'R/W=R', ' R:0x', 'Type 1']
				: ['acc 0', 'write 1', 'write=1', 'DMA write', 'write error', 'R/W=W', ' W:0x', 'Type 0'];
	assert.ok(
		paths.some(path => clean.includes(path)),
		`${access} is not in ${clean}`,
	);
}
