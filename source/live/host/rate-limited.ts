// What is dear to read is read seldom: a host is looked at, not held up.

/** A fiftieth of the time at most. */
const SHARE = 50;

/**
 * Reads again once that is due, and until then gives what was read last.
 * @param now a clock in milliseconds
 * @param enough whether what was read last is to stay for good
 */
export function rateLimited<Asked extends unknown[], Read>(
	now: () => number,
	read: (...asked: Asked) => Read,
	enough: (last: Read) => boolean = () => false,
): (...asked: Asked) => Read {
	let last: {read: Read; next: number} | undefined;
	return (...asked) => {
		const began = now();
		if (last !== undefined && (began < last.next || enough(last.read))) return last.read;
		const found = read(...asked);
		last = {read: found, next: now() + SHARE * (now() - began)};
		return found;
	};
}
