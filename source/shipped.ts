// Files that ship with the program: in a folder beside it, or inside it where it is a single executable.

import fs from 'node:fs';
import sea from 'node:sea';
import {fileURLToPath} from 'node:url';

/** By folder, the texts of its files by name. */
type Assets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Written by executable.mjs. */
const assets = (): Assets => JSON.parse(sea.getAsset('shipped.json', 'utf8'));

export class ShippedFolder {
	readonly #path: string;
	readonly #inside: Readonly<Record<string, string>> | undefined;

	/** `beside`: where the folder is, unless it is inside. */
	constructor(name: string, beside: URL) {
		this.#inside = sea.isSea() ? assets()[name] : undefined;
		this.#path = this.#inside === undefined ? fileURLToPath(beside) : `${name}/`;
	}

	names(): string[] {
		return this.#inside === undefined ? fs.readdirSync(this.#path) : Object.keys(this.#inside);
	}

	/** A name for messages; where the file is inside, no file has that name. */
	pathOf(name: string): string {
		return this.#path + name;
	}

	/** The text of a file that is inside. */
	inside(name: string): string | undefined {
		return this.#inside?.[name];
	}
}

/** What the package says of itself, where it is inside. */
export const packageInside = (): Readonly<Record<'version' | 'description', string>> | undefined =>
	sea.isSea() ? JSON.parse(sea.getAsset('package.json', 'utf8')) : undefined;
