/**
 * Values by key. It holds the last `size` new keys and the `size` before them; a key that is used again counts as new.
 * Most texts of a frame were in the frame before, so the pure functions below Ink rarely run.
 */
export class Cache<V extends {}> {
	readonly #size: number;
	#young = new Map<string, V>();
	#old = new Map<string, V>();

	constructor(size = 4096) {
		this.#size = size;
	}

	get(key: string, make: (key: string) => V): V {
		const cached = this.#young.get(key);
		if (cached !== undefined) return cached;
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

/** The same function with a cache. */
export function memoised<V extends {}>(pure: (text: string) => V, size?: number): (text: string) => V {
	const cache = new Cache<V>(size);
	return text => cache.get(text, pure);
}
