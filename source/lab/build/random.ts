/** Numbers in [0, 1). The state is a property, where a save of the machine finds it. */
export type Random = (() => number) & {state: number};

/** A seeded generator (mulberry32): the same seed gives the same lab. */
export function seededRandom(seed: number): Random {
	const random = () => {
		random.state = (random.state + 0x6d2b79f5) >>> 0;
		const {state} = random;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	random.state = seed >>> 0;
	return random;
}
