// Solves exercises from their text alone, by walks that share nothing with source/: BigInt words, the specifications'
// tables, and the rules of the three policies as the readme has them.

/** The question as it stands on paper. */
export type Paper = {topic: string; given: string; lines: readonly string[]; choices: readonly string[]};
type End =
	| {hpa: bigint; size: bigint}
	| {fault: 'no domain' | 'too wide' | 'not mapped' | 'not allowed' | 'bad entry'};

const bits = (word: bigint, high: number, low: number): bigint =>
	(word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const address = (word: bigint): bigint => bits(word, 51, 12) << 12n;

/** The 64-bit word at an address of the dump. */
function reader(lines: readonly string[]): (at: bigint) => bigint {
	const bytes = new Map<bigint, bigint>();
	for (const line of lines.filter(line => line !== '')) {
		const [at = '', ...digits] = line.trim().split(/\s+/);
		for (const [i, byte] of digits.entries()) bytes.set(BigInt(`0x${at}`) + BigInt(i), BigInt(`0x${byte}`));
	}
	return at => {
		let word = 0n;
		for (let i = 7n; i >= 0n; i--) {
			const byte = bytes.get(at + i);
			if (byte === undefined) throw new Error(`0x${at.toString(16)} is not in the dump`);
			word = (word << 8n) | byte;
		}
		return word;
	};
}

function walk({given, lines}: Paper): End {
	const word = reader(lines);
	const [, table = ''] = /table is at (0x[0-9a-f]+)/.exec(given) ?? [];
	const [, bus, slot, fn, verb, iova = ''] =
		/\((\d+):(\d+):(\d+)\) (writes to|reads) (0x[0-9a-f]+)\./.exec(given) ?? [];
	const rid = (BigInt(bus ?? 0) << 8n) | (BigInt(slot ?? 0) << 3n) | BigInt(fn ?? 0);
	const access = {iova: BigInt(iova), write: verb === 'writes to'};
	return given.startsWith('VT-d')
		? vtd(word, BigInt(table), rid, access)
		: amd(word, BigInt(table), rid, access);
}

type Access = {iova: bigint; write: boolean};

function vtd(word: (at: bigint) => bigint, table: bigint, rid: bigint, {iova, write}: Access): End {
	const root = word(table + 16n * (rid >> 8n));
	if ((root & 1n) === 0n) return {fault: 'no domain'};
	const at = address(root) + 16n * (rid & 0xffn);
	const context = word(at);
	if ((context & 1n) === 0n) return {fault: 'no domain'};
	const levels = 2 + Number(bits(word(at + 8n), 2, 0));
	if (iova >> BigInt(12 + 9 * levels) !== 0n) return {fault: 'too wide'};
	for (let level = levels, next = address(context); ; level--) {
		const shift = 12 + 9 * (level - 1);
		const entry = word(next + 8n * bits(iova, shift + 8, shift));
		if ((entry & 3n) === 0n) return {fault: 'not mapped'};
		if ((entry & (write ? 2n : 1n)) === 0n) return {fault: 'not allowed'};
		if (bits(entry, 51, 48) !== 0n) return {fault: 'bad entry'};
		if (level > 1 && bits(entry, 7, 7) === 0n) next = address(entry);
		else return {hpa: address(entry) | (iova & ((1n << BigInt(shift)) - 1n)), size: 1n << BigInt(shift)};
	}
}

function amd(word: (at: bigint) => bigint, table: bigint, rid: bigint, {iova, write}: Access): End {
	const entry = word(table + 32n * rid);
	if (bits(entry, 58, 52) !== 0n) return {fault: 'bad entry'};
	const right = write ? 62 : 61;
	let level = Number(bits(entry, 11, 9));
	if (level < 6 && iova >> BigInt(12 + 9 * level) !== 0n) return {fault: 'too wide'};
	let allowed = bits(entry, right, right);
	for (let next = address(entry); ; ) {
		const shift = 12 + 9 * (level - 1);
		const pte = word(next + 8n * bits(iova, shift + 8, shift));
		if ((pte & 1n) === 0n) return {fault: 'not mapped'};
		if (bits(pte, 58, 52) !== 0n) return {fault: 'bad entry'};
		allowed &= bits(pte, right, right);
		const lower = Number(bits(pte, 11, 9));
		if (lower === 0 || lower === 7) {
			if (allowed === 0n) return {fault: 'not allowed'};
			let size = 1n << BigInt(shift);
			if (lower === 7) for (size = 1n << 13n; (pte & (size >> 1n)) !== 0n; ) size <<= 1n;
			return {hpa: (address(pte) & ~(size - 1n)) | (iova & (size - 1n)), size};
		}
		next = address(pte);
		level = lower;
	}
}

const CAUSES = ['no domain', 'too wide', 'not mapped', 'not allowed', 'bad entry'];

/** What each policy does to a read from a raw disk: the table of the readme. */
function policies({given}: Paper): string {
	const passthru = !given.includes('no passthru device');
	const several = !given.includes('1 segment ');
	const missing = /(\d[\d,]*) pages? of memory missing/.exec(given)?.[1] !== '0';
	const lost = given.includes('The data is lost');
	const bounced = given.includes('"bounced"');
	const fits = (policy: string): boolean => {
		const removed = policy !== 'keep';
		const bounces = several || policy === 'bounce';
		return removed === missing && bounces === bounced && lost === (passthru && removed && !bounces);
	};
	return ['remove', 'keep', 'bounce']
		.flatMap((policy, i) => (fits(policy) ? ['abc'.charAt(i)] : []))
		.join('');
}

function reached({lines, choices}: Paper): string {
	const runs = lines.map(line => / -> (0x[0-9a-f]+)-(0x[0-9a-f]+) /.exec(line)?.slice(1).map(Number) ?? []);
	const fits = choices.flatMap((page, i) =>
		runs.some(([first = 0, last = 0]) => Number(page) >= first && Number(page) <= last)
			? ['abcdef'.charAt(i)]
			: [],
	);
	return fits.join('') || 'none';
}

/** The size of the page that a walk ends in; 0 where it ends in none. */
export function pageSize(paper: Paper): number {
	const end = walk(paper);
	return 'size' in end ? Number(end.size) : 0;
}

export function solve(paper: Paper): string {
	if (paper.topic === 'policy') return policies(paper);
	if (paper.topic === 'reach') return reached(paper);
	const end = walk(paper);
	if (paper.topic === 'walk') return 'hpa' in end ? `0x${end.hpa.toString(16)}` : 'fault';
	return 'fault' in end ? 'abcde'.charAt(CAUSES.indexOf(end.fault)) : 'none';
}
