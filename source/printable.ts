// What a terminal obeys, or does not show. Whatever comes from elsewhere may hold it: names, paths, logs, answers.

/**
 * By Unicode: control, format (bidi, zero width), halves of a pair, ends of lines, and what is ignorable; but not the
 * selectors that say how a sign before them looks, as in many an emoji.
 */
export const UNPRINTABLE =
	/[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\ufe00-\ufe0f]]/gv;

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

/** Text with all that written out, as JSON writes it: so a line of JSON stays JSON, and says the same. */
export const printable = (text: string): string =>
	text.replace(UNPRINTABLE, char =>
		char.length === 1 ? unit(char.charCodeAt(0)) : unit(char.charCodeAt(0)) + unit(char.charCodeAt(1)),
	);

/** The same as a sign a character, where columns are counted. */
export const masked = (text: string): string => text.replace(UNPRINTABLE, '?');
