// Captures are tar files in the ustar format (POSIX pax(1), "ustar Interchange Format"), which every tar can unpack.
// They contain only files, directories and symbolic links.

import {UserError} from '../../user-error.js';
import {grouped} from '../../words.js';
import {type Kind, PATH_BYTES} from './tree.js';

export type TarEntry = {path: string; kind: Kind; text: string; readable: boolean};

const BLOCK = 512;
const FLAGS: Record<Kind, string> = {file: '0', link: '2', directory: '5'};
const KINDS: Record<string, Kind | undefined> = {'0': 'file', '\0': 'file', '2': 'link', '5': 'directory'};

export function tarOf(entries: readonly TarEntry[]): Buffer {
	return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * BLOCK)]);
}

/** Sysfs paths are long: one that exceeds the header's 100 bytes goes in an entry before it, as in GNU tar. */
function blocksOf({path, kind, text, readable}: TarEntry): Buffer[] {
	const name = `${path.replace(/^\//, '')}${kind === 'directory' ? '/' : ''}`;
	const content = Buffer.from(kind === 'file' ? text : '', 'latin1');
	const target = kind === 'link' ? text : '';
	const mode = readable ? (kind === 'file' ? 0o644 : 0o755) : 0;
	return [
		...longText('L', name),
		...longText('K', target),
		header(name, FLAGS[kind], mode, content.length, target),
		padded(content),
	];
}

function longText(flag: string, text: string): Buffer[] {
	if (Buffer.byteLength(text, 'latin1') <= 100) return [];
	const bytes = Buffer.from(`${text}\0`, 'latin1');
	return [header('././@LongLink', flag, 0o644, bytes.length, ''), padded(bytes)];
}

function header(name: string, flag: string, mode: number, size: number, target: string): Buffer {
	const block = Buffer.alloc(BLOCK);
	const octal = (value: number, at: number, length: number) =>
		block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
	block.write(name.slice(0, 100), 0, 'latin1');
	octal(mode, 100, 8);
	// Owner, group and time are 0: the same machine gives the same bytes.
	octal(0, 108, 8);
	octal(0, 116, 8);
	octal(size, 124, 12);
	octal(0, 136, 12);
	block.write(flag, 156, 'latin1');
	block.write(target.slice(0, 100), 157, 'latin1');
	block.write('ustar\x0000', 257, 'latin1');
	octal(sumOf(block), 148, 7);
	block.write(' ', 155, 'latin1');
	return block;
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes], Math.ceil(bytes.length / BLOCK) * BLOCK);

/** A header's checksum: the sum of its bytes, with the checksum's own field as spaces. */
const sumOf = (block: Buffer): number =>
	block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);

const EXTENDED_BYTES = 4 * PATH_BYTES;
/** More files than are read of any machine. */
const MOST_ENTRIES = 2 ** 17;

/** An entry's position and content. */
type Raw = {
	at: number;
	end: number;
	flag: string;
	mode: number;
	name: string;
	target: string;
	content: Buffer;
};

/** @param name the file's name @throws UserError if it is not a tar file, or is damaged or cut short */
export function entriesOf(tar: Buffer, name = 'The capture'): TarEntry[] {
	if (tar.length === 0) throw new UserError(`${name} is empty; name a file written by --capture.`);
	const entries: TarEntry[] = [];
	let longName: string | undefined;
	let longTarget: string | undefined;
	let at = 0;
	while (!isZero(tar.subarray(at, at + BLOCK))) {
		const entry = entryAt(tar, at, name);
		at = entry.end;
		if (entry.flag === 'L') longName = textOf(entry, name, PATH_BYTES + 1);
		else if (entry.flag === 'K') longTarget = textOf(entry, name, PATH_BYTES + 1);
		else if (entry.flag === 'x') {
			const extended = extendedOf(entry, name);
			longName = extended.get('path') ?? longName;
			longTarget = extended.get('linkpath') ?? longTarget;
		} else if (entry.flag !== 'g') {
			if (entries.length === MOST_ENTRIES)
				throw new UserError(
					`${name} has more than ${grouped(MOST_ENTRIES)} files; name a capture of one host.`,
				);
			entries.push(finished(entry, longName ?? entry.name, longTarget ?? entry.target, name));
			longName = undefined;
			longTarget = undefined;
		}
	}
	// Two blocks of zeros end a tar file. Without them, files are missing.
	if (tar.length < at + 2 * BLOCK || !isZero(tar.subarray(at))) throw damaged(name, at);
	return entries;
}

function entryAt(tar: Buffer, at: number, name: string): Raw {
	const block = tar.subarray(at, at + BLOCK);
	if (block.length < BLOCK || numberIn(block, 148, 8) !== sumOf(block)) throw damaged(name, at);
	const size = numberIn(block, 124, 12);
	const mode = numberIn(block, 100, 8);
	const end = at + BLOCK + Math.ceil((size ?? 0) / BLOCK) * BLOCK;
	if (size === undefined || mode === undefined || end > tar.length) throw damaged(name, at);
	const prefix = fieldIn(block, 345, 155);
	const last = fieldIn(block, 0, 100);
	return {
		at,
		end,
		flag: String.fromCharCode(block[156]),
		mode,
		name: prefix === '' ? last : `${prefix}/${last}`,
		target: fieldIn(block, 157, 100),
		content: tar.subarray(at + BLOCK, at + BLOCK + size),
	};
}

function finished({at, flag, mode, content}: Raw, path: string, target: string, name: string): TarEntry {
	const kind = KINDS[flag];
	if (kind === undefined)
		throw new UserError(
			`${name} has an entry at byte ${grouped(at)} that is not a file, folder or symbolic link; name a capture.`,
		);
	if (path.length > PATH_BYTES || target.length > PATH_BYTES) throw tooLong(name, at);
	return {
		path: `/${path.replace(/^(\.?\/)+|\/$/g, '')}`,
		kind,
		text: kind === 'link' ? target : kind === 'file' ? content.toString('latin1') : '',
		readable: (mode & 0o777) !== 0,
	};
}

function textOf({content, at}: Raw, name: string, limit: number): string {
	if (content.length > limit) throw tooLong(name, at);
	return content.toString('latin1').replace(/\0.*$/s, '');
}

/** Records of pax(1): length, space, keyword, equals sign, value and newline. */
function extendedOf(entry: Raw, name: string): Map<string, string> {
	const text = textOf(entry, name, EXTENDED_BYTES);
	const found = new Map<string, string>();
	for (let at = 0; at < text.length; ) {
		const [head = '', digits, key = ''] = /^(\d{1,5}) ([^=]{1,80})=/.exec(text.slice(at, at + 100)) ?? [];
		const end = at + Number(digits);
		if (!(end > at + head.length && end <= text.length)) throw damaged(name, entry.at);
		found.set(key, text.slice(at + head.length, end - 1));
		at = end;
	}
	return found;
}

const fieldIn = (block: Buffer, from: number, length: number): string =>
	block.toString('latin1', from, from + length).replace(/\0.*$/s, '');

/** Undefined where the field is not octal. */
function numberIn(block: Buffer, from: number, length: number): number | undefined {
	const digits = fieldIn(block, from, length).trim();
	return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}

function isZero(bytes: Buffer): boolean {
	for (const byte of bytes) if (byte !== 0) return false;
	return bytes.length > 0;
}

const damaged = (name: string, at: number): UserError =>
	new UserError(
		`${name} is not a tar file, or is damaged or cut short at byte ${grouped(at)}; capture the host again.`,
	);
const tooLong = (name: string, at: number): UserError =>
	new UserError(
		`${name} has a path longer than ${grouped(PATH_BYTES)} bytes at byte ${grouped(at)}; capture the host again.`,
	);

/** Whether a file with this beginning is a capture: its entries have no owner and no time. */
export function isCapture(beginning: Buffer): boolean {
	const block = beginning.subarray(0, BLOCK);
	const isZeroAt = (from: number, length: number) => numberIn(block, from, length) === 0;
	return (
		block.length === BLOCK &&
		numberIn(block, 148, 8) === sumOf(block) &&
		isZeroAt(108, 8) &&
		isZeroAt(116, 8) &&
		isZeroAt(136, 12) &&
		/^(\.dockerenv|proc|run|sys|usr)(\/|$)/.test(fieldIn(block, 0, 100))
	);
}
