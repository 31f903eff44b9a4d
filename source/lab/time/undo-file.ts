// The old blocks of a disk, from before guests wrote to them, as a file that restores them: a shell script with the
// blocks behind it. It needs sh and dd, and no dmascope.

import fs from 'node:fs';
import path from 'node:path';
import {makeOwn, stateFolders} from '../../cache-folder.js';
import {createNew} from '../../files.js';
import {SECTOR} from '../../formats/address.js';
import {BLOCK} from '../../hardware/blocks.js';
import {messageOf, UserError} from '../../user-error.js';
import {plural, show} from '../../words.js';

/** Blocks by their numbers, in ascending order; the last block of a disk may be shorter. */
export type OldBlocks = {disk: string; blocks: readonly (readonly [number, Uint8Array])[]};

/** @throws UserError if the file exists, or cannot be written */
export function writeUndo(file: string, old: OldBlocks): void {
	createNew(file, undoScript(old), {mode: 0o600});
}

/** Writes it to a folder of the user's own. @returns its path @throws UserError */
export function saveUndo(old: OldBlocks, now = new Date()): string {
	const moment = now.toISOString().replace(/\.\d+/, '').replaceAll(':', '');
	const problems: string[] = [];
	for (const folder of stateFolders()) {
		try {
			makeOwn(folder);
			const file = path.join(folder, `undo-${moment}-${process.pid}.sh`);
			writeUndo(file, old);
			return file;
		} catch (error) {
			problems.push(messageOf(error).replace(/;[^;]*$/, ''));
		}
	}
	throw new UserError(problems.join('; '));
}

/** Removes a file that is no longer needed, if possible. */
export function removeUndo(file: string): void {
	try {
		fs.rmSync(file, {force: true});
	} catch {
		// Its folder is read-only by now.
	}
}

/** The shell command. */
export const undoCommand = (file: string, disk: string): string => `sh ${shellWord(file)} ${shellWord(disk)}`;

const shellWord = (text: string): string =>
	/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

export function undoScript({disk, blocks}: OldBlocks): Buffer {
	let sectors = 1;
	for (;;) {
		const head = Buffer.from(scriptText(disk, blocks, sectors));
		const needed = Math.ceil(head.length / SECTOR);
		if (needed === sectors) {
			const padding = Buffer.alloc(sectors * SECTOR - head.length, '\n');
			return Buffer.concat([head, padding, ...blocks.map(([, bytes]) => bytes)]);
		}
		sectors = needed;
	}
}

/** `sectors`: how many the text takes. */
function scriptText(disk: string, blocks: OldBlocks['blocks'], sectors: number): string {
	const count = plural(blocks.length, 'block');
	return [
		'#!/bin/sh',
		`# ${count} of the disk ${show(disk)} from before guests of dmascope wrote to them.`,
		'# To restore them while nothing else uses the disk:  sh THIS-FILE DISK',
		`# "put AT COUNT FROM" copies COUNT sectors of ${SECTOR} bytes from sector FROM of this file to sector AT of DISK.`,
		'disk=$1',
		'if [ $# -ne 1 ] || [ ! -w "$disk" ]; then',
		'\techo "Usage: sh $0 DISK, where DISK exists and you may write to it." >&2',
		'\texit 2',
		'fi',
		'put() {',
		`\tdd if="$0" of="$disk" bs=${SECTOR} seek="$1" count="$2" skip="$3" conv=notrunc 2>/dev/null && return`,
		'\techo "$disk: cannot write at sector $1; run this again." >&2',
		'\texit 1',
		'}',
		...putLines(blocks, sectors),
		'sync',
		`echo "$disk: restored ${count}."`,
		'exit',
		'',
	].join('\n');
}

/** Adjacent blocks share a line. */
function putLines(blocks: OldBlocks['blocks'], first: number): string[] {
	const runs: {at: number; count: number; from: number}[] = [];
	let from = first;
	for (const [block, {length}] of blocks) {
		const at = (block * BLOCK) / SECTOR;
		const count = length / SECTOR;
		const last = runs.at(-1);
		if (last !== undefined && last.at + last.count === at) last.count += count;
		else runs.push({at, count, from});
		from += count;
	}
	return runs.map(({at, count, from: start}) => `put ${at} ${count} ${start}`);
}
