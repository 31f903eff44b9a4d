// Characters that a terminal obeys or does not show. Names, paths, logs and answers may hold any of them.

/**
 * Unicode's control, format (bidi, zero width), surrogate, line-end and ignorable characters. The variation selectors
 * stay: they choose the form of the character before them, as in many emoji.
 */
export const UNPRINTABLE =
	/[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\ufe00-\ufe0f]]/gv;

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

/** Writes them out as JSON does, so that a line of JSON stays JSON and says the same. */
export const printable = (text: string): string =>
	text.replace(UNPRINTABLE, char =>
		char.length === 1 ? unit(char.charCodeAt(0)) : unit(char.charCodeAt(0)) + unit(char.charCodeAt(1)),
	);

/** One sign for each, where columns are counted. */
export const masked = (text: string): string => text.replace(UNPRINTABLE, '?');
