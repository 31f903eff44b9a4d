import {UserError} from './user-error.js';
import {either, plain} from './words.js';

/** A longer word is not a typing error. */
const LONGEST = 64;

/** The word that was probably meant: the one with the fewest typing errors, if they are few for its length. */
export function nearest(word: string, words: readonly string[]): string | undefined {
	if (word.length > LONGEST) return undefined;
	const distances = words.map(other => [distance(word.toLowerCase(), other.toLowerCase()), other] as const);
	const [fewest, best] = distances.sort(([a], [b]) => a - b)[0] ?? [];
	return fewest !== undefined && best !== undefined && fewest <= Math.max(1, best.length / 3)
		? best
		: undefined;
}

/** Appended to a message about an unknown word. Empty if no known word is similar. */
export function didYouMean(word: string, words: readonly string[]): string {
	const near = nearest(word, words);
	return near === undefined ? '' : ` Did you mean ${near}?`;
}

/** Unknown policy kepp; use remove, keep or bounce. Did you mean keep? */
export const unknownWord = (noun: string, word: string, words: readonly string[]): string =>
	`Unknown ${noun} ${plain(word)}; use ${either(words)}.${didYouMean(word, words)}`;

/** The choice that a word names; undefined if there is no word. @throws UserError that names the choices */
export function chosen<Choice extends string>(
	noun: string,
	word: string | undefined,
	choices: readonly Choice[],
): Choice | undefined {
	const choice = choices.find(name => name === word);
	if (word !== undefined && choice === undefined) throw new UserError(unknownWord(noun, word, choices));
	return choice;
}

/** The number of missing, extra, changed or swapped letters (optimal string alignment). */
function distance(a: string, b: string): number {
	let before: number[] = [];
	let above = Array.from({length: b.length + 1}, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const same = a[i - 1] === b[j - 1];
			let least = Math.min(row[j - 1] + 1, above[j] + 1, above[j - 1] + (same ? 0 : 1));
			const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
			if (swapped) least = Math.min(least, before[j - 2] + 1);
			row.push(least);
		}
		before = above;
		above = row;
	}
	return above[b.length];
}
