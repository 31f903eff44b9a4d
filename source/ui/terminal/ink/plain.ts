/**
 * Signs of one column, whatever the terminal: ASCII, Latin letters, and what tables, graphs and arrows are drawn with;
 * neither emoji nor marks, nor the two wide brackets among the technical signs.
 */
export const PLAIN =
	'[[ -~\\u00a1-\\u024f\\u2010-\\u2027\\u2030-\\u205e\\u2190-\\u25ff\\u2700-\\u2bff]--[\\p{Emoji_Presentation}\\p{M}\\p{Cf}\\p{Cn}\\u2329\\u232a]]';

const ONLY_PLAIN = new RegExp(`^${PLAIN}*$`, 'v');

/** Whether each character is a sign of one column. */
export const isPlain = (text: string): boolean => ONLY_PLAIN.test(text);
