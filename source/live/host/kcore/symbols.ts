// Where the kernel has its variables: /proc/kallsyms, or, where that shows zeros (kptr_restrict=2), the same table as the
// kernel has it in memory, found by VMCOREINFO (Linux's kernel/kallsyms.c).

import fs from 'node:fs';
import {setImmediate as yieldToEventLoop} from 'node:timers/promises';
import {type Kcore, KcoreError} from './kcore.js';

export type Symbols = ReadonlyMap<string, bigint>;

const PIECE = 1 << 16;
/** Several times as long as any kernel's. */
const MOST_BYTES = 2 ** 26;

/** Addresses by name; a variable that the kernel does not have is left out. */
export async function readSymbols(path: string, kcore: Kcore, wanted: ReadonlySet<string>): Promise<Symbols> {
	const listed = await fromList(path, wanted);
	if ([...listed.values()].some(address => address !== 0n)) return listed;
	return fromMemory(kcore, wanted);
}

/** Lines such as `ffffffff9ee7e1c0 D dmar_drhd_units`. */
async function fromList(path: string, wanted: ReadonlySet<string>): Promise<Map<string, bigint>> {
	const found = new Map<string, bigint>();
	const descriptor = fs.openSync(path, fs.constants.O_RDONLY);
	try {
		const piece = Buffer.alloc(PIECE);
		let rest = '';
		for (let total = 0; total < MOST_BYTES && found.size < wanted.size; ) {
			// A read of /proc gives at most some pages.
			let length = 0;
			for (let more = 1; more > 0 && length < PIECE; length += more)
				more = fs.readSync(descriptor, piece, length, PIECE - length, null);
			if (length === 0) break;
			total += length;
			const lines = (rest + piece.toString('latin1', 0, length)).split('\n');
			rest = lines.pop() ?? '';
			for (const line of lines) {
				const name = line.slice(19);
				if (wanted.has(name) && /^[0-9a-f]{16} /.test(line))
					found.set(name, BigInt(`0x${line.slice(0, 16)}`));
			}
			await yieldToEventLoop();
		}
		return found;
	} finally {
		fs.closeSync(descriptor);
	}
}

/** More symbols than any kernel has, and bytes of the token table. */
const MOST_SYMBOLS = 2 ** 21;
const TOKEN_BYTES = 1 << 14;
/** A name's length takes one or two bytes. */
const LONGEST_NAME = 512;

/**
 * The kernel's own table. Names are in pieces: a length, then indices into 256 tokens; the first letter is the type.
 * An address is relative to a base; per-CPU ones are positive and absolute where the kernel has these (before 6.15).
 */
async function fromMemory(kcore: Kcore, wanted: ReadonlySet<string>): Promise<Map<string, bigint>> {
	const info = kcore.vmcoreinfo ?? '';
	const at = (symbol: string): bigint => {
		const [, digits] = new RegExp(`^SYMBOL\\(kallsyms_${symbol}\\)=([0-9a-f]{1,16})$`, 'm').exec(info) ?? [];
		if (digits === undefined) throw new KcoreError(`VMCOREINFO has no kallsyms_${symbol}`);
		return BigInt(`0x${digits}`);
	};
	const count = kcore.virtual(at('num_syms'), 4).readUInt32LE();
	if (count === 0 || count > MOST_SYMBOLS) throw new KcoreError(`${count} symbols`);
	const base = kcore.virtual(at('relative_base'), 8).readBigUInt64LE();
	const offsets = kcore.virtual(at('offsets'), 4 * count);
	const tokens = readTokens(kcore, at('token_table'), at('token_index'));
	const found = new Map<string, bigint>();
	const names = new Bytes(kcore, at('names'));
	for (let i = 0; i < count && found.size < wanted.size; i++) {
		let length = names.next();
		if ((length & 0x80) !== 0) length = (length & 0x7f) | (names.next() << 7);
		if (length > LONGEST_NAME) throw new KcoreError(`a name of ${length} pieces`);
		let name = '';
		for (let j = 0; j < length; j++) name += tokens[names.next()];
		if (wanted.has(name.slice(1))) found.set(name.slice(1), addressOf(offsets.readInt32LE(4 * i), base));
		if (i % 4096 === 0) await yieldToEventLoop();
	}
	return found;
}

/** With per-CPU symbols as absolute numbers, all others are negative: base − 1 − offset. */
const addressOf = (offset: number, base: bigint): bigint =>
	offset < 0 ? base - 1n - BigInt(offset) : base + BigInt(offset);

function readTokens(kcore: Kcore, table: bigint, index: bigint): string[] {
	const text = readSome(kcore, table, TOKEN_BYTES);
	const starts = kcore.virtual(index, 512);
	return Array.from({length: 256}, (_, i) => {
		const from = starts.readUInt16LE(2 * i);
		return text.toString('latin1', from, text.indexOf(0, from));
	});
}

/** As many bytes as there are, up to a limit. */
function readSome(kcore: Kcore, address: bigint, limit: number): Buffer {
	for (let length = limit; length >= 1024; length /= 2) {
		try {
			return kcore.virtual(address, length);
		} catch (error) {
			if (!(error instanceof KcoreError)) throw error;
		}
	}
	throw new KcoreError(`no memory at 0x${address.toString(16)}`);
}

/** Memory byte by byte. */
class Bytes {
	private piece: Buffer = Buffer.alloc(0);
	private at = 0;

	constructor(
		private readonly kcore: Kcore,
		private address: bigint,
	) {}

	next(): number {
		if (this.at === this.piece.length) {
			this.piece = readSome(this.kcore, this.address, PIECE);
			this.address += BigInt(this.piece.length);
			this.at = 0;
		}
		return this.piece[this.at++];
	}
}
