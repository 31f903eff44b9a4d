// Page tables in a capture: the pages that hold them, and what leads there. They have addresses, and no contents of memory.

import {deflateRawSync, inflateRawSync} from 'node:zlib';
import * as z from 'zod/mini';
import {PAGE_SIZE} from '../../../formats/address.js';
import {parseData} from '../../../parse-data.js';
import {messageOf, UserError} from '../../../user-error.js';
import type {LiveMemory} from '../../tables/table-pages.js';
import type {KernelUnit} from './kernel-units.js';
import type {TableSource} from './table-source.js';

/** Where a capture has them. */
export const SAVED_TABLES = '/run/dmascope-tables';
/** Tables of 128 GiB in pages of 4 KiB. */
const MOST_PAGES = 65_536;
/** A page's address, 8 bytes, and its words. */
const RECORD = 8 + PAGE_SIZE;
export const SAVED_BYTES = 2 ** 28;

const address = z.number().check(z.int(), z.minimum(0));
const word = z.number().check(z.int(), z.minimum(0), z.maximum(0xffff_ffff));
const unit = z.discriminatedUnion('format', [
	z.object({
		format: z.literal('vt-d'),
		enabled: z.boolean(),
		table: address,
		...{capLo: word, capHi: word, ecapLo: word, ecapHi: z.optional(word)},
		hostAddressWidth: z.number().check(z.int(), z.minimum(36), z.maximum(52)),
	}),
	z.object({
		format: z.literal('amd-vi'),
		enabled: z.boolean(),
		table: address,
		bytes: z.number().check(z.int(), z.minimum(0), z.maximum(2 ** 21)),
	}),
]);
const head = z.object({
	version: z.literal(1),
	width: z.number().check(z.int(), z.minimum(36), z.maximum(52)),
	ranges: z.array(z.object({hpa: address, bytes: address})).check(z.maxLength(65_536)),
	units: z
		.array(
			z.object({
				unit,
				name: z.string().check(z.maxLength(32)),
				segment: z.number().check(z.int(), z.minimum(0), z.maximum(0xffff)),
			}),
		)
		.check(z.minLength(1), z.maxLength(1024)),
});

/** A line of JSON, and a line with the pages: compressed, in base64. */
export function savedTables(
	{width, ranges, units}: TableSource,
	pages: Iterable<readonly [hpa: number, words: Uint32Array]>,
): string {
	const records: Buffer[] = [];
	for (const [hpa, words] of pages) {
		if (records.length === MOST_PAGES) break;
		const record = Buffer.alloc(RECORD);
		record.writeBigUInt64LE(BigInt(hpa));
		record.set(new Uint8Array(words.buffer, words.byteOffset, PAGE_SIZE), 8);
		records.push(record);
	}
	const {units: all} = units();
	const first = JSON.stringify({version: 1, width, ranges, units: all});
	return `${first}\n${deflateRawSync(Buffer.concat(records)).toString('base64')}\n`;
}

/** @throws UserError if it is damaged */
export function tablesFrom(text: string): TableSource {
	const [first = '', pages = ''] = text.split('\n');
	try {
		const {width, ranges, units} = parseData(head, JSON.parse(first), 'tables');
		const memory = new SavedMemory(
			inflateRawSync(Buffer.from(pages, 'base64'), {maxOutputLength: MOST_PAGES * RECORD}),
		);
		const known: readonly KernelUnit[] = units;
		return {memory, ranges, width, units: () => ({units: known, eventLogs: []}), close: () => {}};
	} catch (error) {
		throw new UserError(`The capture’s page tables are damaged: ${messageOf(error)}`);
	}
}

class SavedMemory implements LiveMemory {
	private readonly pages = new Map<number, Uint32Array>();

	constructor(records: Buffer) {
		for (let at = 0; at + RECORD <= records.length; at += RECORD) {
			const hpa = Number(records.readBigUInt64LE(at));
			const words = new Uint32Array(PAGE_SIZE / 4);
			for (let i = 0; i < words.length; i++) words[i] = records.readUInt32LE(at + 8 + 4 * i);
			this.pages.set(hpa, words);
		}
	}

	page(hpa: number): Uint32Array | undefined {
		return this.pages.get(hpa);
	}

	readPage(hpa: number, words: Uint32Array): boolean {
		const page = this.pages.get(hpa);
		if (page !== undefined) words.set(page);
		return page !== undefined;
	}
}
