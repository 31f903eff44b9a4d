// A question of an exercise, and how an answer is compared.

export const TOPICS = ['walk', 'fault', 'policy', 'reach'] as const;
export type Topic = (typeof TOPICS)[number];

export type Question = {
	readonly topic: Topic;
	/** What is given: prose, to be wrapped. */
	readonly given: string;
	/** Bytes or tables, a line each. */
	readonly lines: readonly string[];
	readonly asks: string;
	/** The letters that answers are made of, where they are. */
	readonly choices: readonly string[];
	/** As the lab has it. */
	readonly answer: string;
	/** Why, as a sentence. */
	readonly because: string;
};

export const LETTERS = 'abcdefgh';

/** The same answer, however it is written: case, blanks, the order of letters, zeros before an address. */
export function normalised(answer: string): string {
	const text = answer.toLowerCase().trim();
	if (/^(0x)?[0-9a-f]*\d[0-9a-f]*$/.test(text.replaceAll('_', '')))
		return BigInt(`0x${text.replaceAll('_', '').replace(/^0x/, '')}`).toString(16);
	if (/^[a-h]([\s,;]*[a-h])*$/.test(text)) return [...new Set(text.replace(/[^a-h]/g, ''))].sort().join('');
	return text;
}

export const pick = <T>(random: () => number, list: readonly [T, ...T[]] | readonly T[]): T =>
	list[Math.floor(random() * list.length)];
export const below = (random: () => number, limit: number): number => Math.floor(random() * limit);
