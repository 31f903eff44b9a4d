/**
 * What was made for the keys of the last frames. A screen has few texts that are new, so that pure functions of its
 * texts need not run again. Values that `size` newer ones have followed are dropped, unless used since.
 */
export class Recent<V extends {}> {
	readonly #size: number;
	#young = new Map<string, V>();
	#old = new Map<string, V>();

	constructor(size = 4096) {
		this.#size = size;
	}

	get(key: string, make: (key: string) => V): V {
		const known = this.#young.get(key);
		if (known !== undefined) return known;
		const value = this.#old.get(key) ?? make(key);
		if (this.#young.size === this.#size) {
			this.#old = this.#young;
			this.#young = new Map();
		}
		this.#young.set(key, value);
		return value;
	}

	clear(): void {
		this.#young.clear();
		this.#old.clear();
	}
}

/** The same function, which remembers. */
export function memoised<V extends {}>(pure: (text: string) => V, size?: number): (text: string) => V {
	const recent = new Recent<V>(size);
	return text => recent.get(text, pure);
}
