// Captures are tar files in the ustar format (POSIX pax(1), "ustar Interchange Format"), which every tar unpacks.
// Files, directories and symbolic links are all there is in them.

import {UserError} from '../../user-error.js';
import type {Kind} from './tree.js';

export type TarEntry = {path: string; kind: Kind; text: string; readable: boolean};

const BLOCK = 512;
const FLAGS: Record<Kind, string> = {file: '0', link: '2', directory: '5'};
const KINDS: Record<string, Kind | undefined> = {'0': 'file', '\0': 'file', '2': 'link', '5': 'directory'};

export function tarOf(entries: readonly TarEntry[]): Buffer {
	return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * BLOCK)]);
}

/** Sysfs paths are long: what does not fit into a header's 100 bytes goes ahead of it, as GNU tar has it. */
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
	// Owner, group and time of every entry are 0, so that the same machine gives the same bytes.
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

/** The sum of a header's bytes, with its own field as spaces. */
const sumOf = (block: Buffer): number =>
	block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);

/** @throws UserError where it is no tar file, or a damaged one */
export function entriesOf(tar: Buffer): TarEntry[] {
	const entries: TarEntry[] = [];
	let longName: string | undefined;
	let longTarget: string | undefined;
	for (let at = 0; at + BLOCK <= tar.length; ) {
		const block = tar.subarray(at, at + BLOCK);
		if (block.every(byte => byte === 0)) break;
		const field = (from: number, length: number) =>
			block.toString('latin1', from, from + length).replace(/\0.*$/s, '');
		const octal = (from: number, length: number) => Number.parseInt(field(from, length).trim(), 8);
		const size = octal(124, 12);
		if (octal(148, 8) !== sumOf(block) || !(size >= 0) || at + BLOCK + size > tar.length)
			throw new UserError(`It is no tar file, or it is damaged at byte ${at}: take the capture anew.`);
		const text = tar.toString('latin1', at + BLOCK, at + BLOCK + size);
		const flag = String.fromCharCode(block[156]);
		at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
		if (flag === 'L') longName = text.replace(/\0.*$/s, '');
		else if (flag === 'K') longTarget = text.replace(/\0.*$/s, '');
		else {
			const kind = KINDS[flag];
			const prefix = field(345, 155);
			const path = longName ?? (prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`);
			const target = longTarget ?? field(157, 100);
			if (kind !== undefined)
				entries.push({
					path: `/${path.replace(/^(\.?\/)+|\/$/g, '')}`,
					kind,
					text: kind === 'link' ? target : text,
					readable: (octal(100, 8) & 0o777) !== 0,
				});
			longName = undefined;
			longTarget = undefined;
		}
	}
	return entries;
}
