// A capture: everything that was read of a host, as a tar file to examine elsewhere.

import fs from 'node:fs';
import {
	checkNew,
	compressionOf,
	createNew,
	type FileKind,
	type NewOptions,
	readRegular,
} from '../../files.js';
import type {Print} from '../../text/print.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {plural, sizeText} from '../../words.js';
import {readHost} from './read-host.js';
import {entriesOf, isCapture, type TarEntry, tarOf} from './tar.js';
import {Disk, Files, type Kind, type Source, Tree, type Witness} from './tree.js';

export class Capture implements Witness {
	private readonly entries = new Map<string, TarEntry>();

	file(path: string, content: string): void {
		// Whether a file exists is noted before its content is read.
		if (content !== '' || !this.entries.has(path)) this.add(path, 'file', content, true);
	}

	directory(path: string): void {
		this.add(path, 'directory', '', true);
	}

	link(path: string, target: string): void {
		this.add(path, 'link', target, true);
	}

	refused(path: string): void {
		this.add(path, 'file', '', false);
	}

	/** Sorted by path, and without the processes that hold no group: they are private. */
	contents(): TarEntry[] {
		const all = [...this.entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
		const owners = new Set(all.filter(({kind}) => kind === 'link').map(({path}) => processOf(path)));
		const refused = all.find(({path, readable}) => !readable && processOf(path) !== undefined);
		return all.filter(entry => {
			const process = processOf(entry.path);
			return process === undefined || entry === refused || entry.path === '/proc/1' || owners.has(process);
		});
	}

	tar(): Buffer {
		return tarOf(this.contents());
	}

	private add(path: string, kind: Kind, text: string, readable: boolean): void {
		this.entries.set(path, {path, kind, text, readable});
	}
}

const processOf = (path: string): string | undefined => /^\/proc\/(\d+)(\/|$)/.exec(path)?.[1];

export function ownTree(): Source {
	if (process.platform !== 'linux')
		throw new UserError(
			`dmascope host needs Linux, and this is ${process.platform}; open a capture: dmascope host --root FILE.tar`,
		);
	return new Disk('/');
}

/** Every Linux, and every capture of one, has at least one of these. */
const TYPICAL = [
	'/proc/cmdline',
	'/proc/cpuinfo',
	'/proc/sys/kernel/osrelease',
	'/sys/class/iommu',
	'/sys/bus/pci/devices',
	'/sys/kernel/iommu_groups',
];
const CAPTURE: FileKind = {name: 'a capture', matches: isCapture};
/** Larger than a capture of a thousand devices with their page tables. */
const CAPTURE_BYTES = 2 ** 28;
const MEND = 'name a folder, or a file written by --capture';

/** A folder, which may change, or a tar file written by --capture. @throws UserError if it is neither */
export function treeAt(root: string): () => Source {
	const isFolder = attempt(root, () => fs.statSync(root).isDirectory());
	if (!isFolder) {
		const files = filesIn(root);
		return () => files;
	}
	return () => checkSource(root, new Disk(root));
}

function filesIn(root: string): Source {
	const tar = attempt(root, () => readRegular(root, {limit: CAPTURE_BYTES, mend: MEND}));
	const compression = compressionOf(tar);
	if (compression)
		throw new UserError(
			`${root} is compressed (${compression.name}); decompress it first: ${compression.cat} ${root} >capture.tar`,
		);
	const files = new Files();
	for (const {path, kind, text, readable} of entriesOf(tar, root)) files.add(path, kind, text, readable);
	return checkSource(root, files);
}

/** Without any of these files, everything would appear switched off. @throws UserError */
function checkSource(root: string, source: Source): Source {
	if (!TYPICAL.some(path => source.kind(path) !== undefined))
		throw new UserError(`${root} has none of the files of a Linux host; ${MEND}.`);
	return source;
}

function attempt<T>(root: string, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof UserError) throw error;
		if (errnoOf(error) === 'ENOENT') throw new UserError(`${root} does not exist; ${MEND}.`);
		throw new UserError(`${root} cannot be read: ${messageOf(error)}; ${MEND}.`);
	}
}

/** Saves everything that is read of a host to a tar file. @throws UserError */
export async function captureHost(
	root: string | undefined,
	file: string,
	force: boolean,
	print: Print,
): Promise<void> {
	const options: NewOptions = {
		// A capture names programs and virtual machines: other users must not read it.
		mode: 0o600,
		inputs: root === undefined ? [] : [root],
		replaces: {kind: CAPTURE, force},
	};
	checkNew(file, options);
	const capture = new Capture();
	await readHost(new Tree(root === undefined ? ownTree() : treeAt(root)(), capture));
	const tar = capture.tar();
	createNew(file, tar, options);
	const contents = capture.contents();
	print(contents.map(({path, text, kind}) => (kind === 'link' ? `${path} → ${text}` : path)));
	print(
		`${file}: ${plural(contents.length, 'file')} and links, ${sizeText(tar.length)}; open it with dmascope host --root ${file}`,
	);
}
