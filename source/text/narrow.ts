/**
 * Characters that take one column on every terminal: ASCII, Latin letters, and the symbols of borders, graphs and
 * arrows, without emoji, marks, and the wide brackets U+2329 and U+232A.
 */
export const NARROW =
	'[[ -~\\u00a1-\\u024f\\u2010-\\u2027\\u2030-\\u205e\\u2190-\\u25ff\\u2700-\\u2bff]--[\\p{Emoji_Presentation}\\p{M}\\p{Cf}\\p{Cn}\\u2329\\u232a]]';

const ONLY_NARROW = new RegExp(`^${NARROW}*$`, 'v');

/** Whether all characters of the text are narrow. */
export const isNarrow = (text: string): boolean => ONLY_NARROW.test(text);
