// What was read of a machine, kept as a tar file, so that it can be looked at elsewhere.

import {type TarEntry, tarOf} from './tar.js';
import type {Kind, Witness} from './tree.js';

export class Capture implements Witness {
	private readonly entries = new Map<string, TarEntry>();

	file(path: string, content: string): void {
		// To be there is known of a file before what is in it.
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

	/** In the order of paths. Processes that hold nothing are nobody's business. */
	contents(): TarEntry[] {
		const all = [...this.entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
		const holders = new Set(all.filter(({kind}) => kind === 'link').map(({path}) => processOf(path)));
		const refused = all.find(({path, readable}) => !readable && processOf(path) !== undefined);
		return all.filter(entry => {
			const process = processOf(entry.path);
			return process === undefined || entry === refused || entry.path === '/proc/1' || holders.has(process);
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
