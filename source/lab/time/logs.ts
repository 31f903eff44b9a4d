// What pages and blocks held before they were first written to, one log for each stretch of time.

/**
 * Exchanges what is there with what the logs hold, one log after the other. `exchange` puts bytes there and leaves in
 * them what was: as all logs are passed on the way, it has to be done only with the last that each page or block has.
 */
export function travel(
	logs: readonly Map<number, Uint8Array>[],
	exchange: (key: number, bytes: Uint8Array) => void,
): void {
	const carried = new Map<number, {from: Map<number, Uint8Array>; bytes: Uint8Array}>();
	for (const log of logs) {
		for (const [key, bytes] of log) {
			const found = carried.get(key);
			if (found === undefined) carried.set(key, {from: log, bytes});
			else {
				log.set(key, found.bytes);
				found.bytes = bytes;
			}
		}
	}
	for (const [key, {from, bytes}] of carried) {
		exchange(key, bytes);
		from.set(key, bytes);
	}
}

export function keepOlder(older: Map<number, Uint8Array>, newer: Map<number, Uint8Array>): void {
	for (const [key, bytes] of newer) if (!older.has(key)) older.set(key, bytes);
}
