// dmascope host: this Linux host, or another's capture.

import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import chalk from 'chalk';
import {messageOf, UserError} from '../../user-error.js';
import {plural, sizeText} from '../../words.js';
import {Capture} from './capture.js';
import {Disk} from './disk.js';
import {readHost} from './host.js';
import {hostJson} from './json.js';
import {entriesOf} from './tar.js';
import {hostText, type Paint, printable} from './text.js';
import {Files, type Source, Tree} from './tree.js';

export type HostFlags = {root?: string; capture?: string; json: boolean};

const unpainted: Paint = {
	title: text => text,
	dim: text => text,
	good: text => text,
	bad: text => text,
	warn: text => text,
};
const painted: Paint = {
	title: chalk.bold,
	dim: chalk.dim,
	good: chalk.green,
	bad: chalk.redBright,
	warn: chalk.yellow,
};

/** @returns the exit code: 0. @throws UserError where there is no such tree, or no Linux */
export async function runHost({root, capture, json}: HostFlags): Promise<0> {
	const source = root === undefined ? ownTree() : treeAt(root);
	const recorded = capture === undefined ? undefined : new Capture();
	const host = readHost(new Tree(source, recorded));
	if (recorded !== undefined && capture !== undefined) {
		keep(recorded, capture);
		return 0;
	}
	if (json) {
		process.stdout.write(`${JSON.stringify(hostJson(host), undefined, 2)}\n`);
		return 0;
	}
	const colour = process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
	show(hostText(host, colour ? painted : unpainted));
	return 0;
}

function ownTree(): Source {
	if (process.platform !== 'linux')
		throw new UserError(
			`dmascope host reads Linux’s /sys, and this is ${process.platform}; look at a capture: dmascope host --root FILE.tar`,
		);
	return new Disk('/');
}

/** A folder, or a tar file that --capture has made. */
export function treeAt(root: string): Source {
	try {
		const stats = fs.statSync(root);
		if (stats.isDirectory()) return new Disk(root);
		// /dev/zero would be read for ever.
		if (!stats.isFile()) throw new Error('it is neither a folder nor a file');
		const files = new Files();
		for (const {path, kind, text, readable} of entriesOf(fs.readFileSync(root)))
			files.add(path, kind, text, readable);
		return files;
	} catch (error) {
		throw new UserError(
			`--root ${root}: ${messageOf(error)}${error instanceof UserError ? '' : '; name a folder, or a file that --capture has made.'}`,
		);
	}
}

function keep(recorded: Capture, file: string): void {
	const tar = recorded.tar();
	try {
		fs.writeFileSync(file, tar);
	} catch (error) {
		throw new UserError(`--capture ${file}: ${messageOf(error)}; name a file that can be written.`);
	}
	const contents = recorded.contents();
	const listed = contents.map(({path, text, kind}) =>
		printable(kind === 'link' ? `${path} → ${text}` : path),
	);
	process.stdout.write(
		`${listed.join('\n')}\n${file}: ${plural(contents.length, 'file')} and links, ${sizeText(tar.length)}; look at it with dmascope host --root ${file}\n`,
	);
}

/** On a terminal that it does not fit, a pager scrolls it. */
function show(text: string): void {
	const rows = process.stdout.isTTY ? process.stdout.rows : Number.POSITIVE_INFINITY;
	const pager = process.env.PAGER ?? 'less';
	if (text.split('\n').length > rows && pager !== '' && pager !== 'cat') {
		const env = {...process.env, LESS: process.env.LESS ?? '-R'};
		const {error, status} = spawnSync('sh', ['-c', pager], {
			input: text,
			stdio: ['pipe', 'inherit', 'inherit'],
			env,
		});
		// The shell says 127 where there is no such program.
		if (error === undefined && status !== 127) return;
	}
	process.stdout.write(text);
}
