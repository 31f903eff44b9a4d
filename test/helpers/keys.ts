/** Keys by their names, as a terminal sends them. */
export const KEYS: Readonly<Record<string, string>> = {
	enter: '\r',
	escape: '\x1b',
	tab: '\t',
	'shift-tab': '\x1b[Z',
	backspace: '\x7f',
	space: ' ',
	up: '\x1b[A',
	down: '\x1b[B',
	right: '\x1b[C',
	left: '\x1b[D',
	pageup: '\x1b[5~',
	pagedown: '\x1b[6~',
	home: '\x1b[H',
	end: '\x1b[F',
	'ctrl-c': '\x03',
	'ctrl-l': '\x0c',
	'ctrl-z': '\x1a',
};

/** What a terminal sends for a key: one with a name, a character, or alt- and a character. */
export const sentFor = (key: string): string => KEYS[key] ?? key.replace(/^alt-(?=.$)/, '\x1b');
