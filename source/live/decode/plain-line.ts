// A line as the kernel printed it: without colours, control characters, escapes of JSON, mail's quoted-printable and the
// no-break spaces of web pages.

/** ESC [ … m, from dmesg --color=always and journalctl; and as less, rsyslog, JSON and shells write the ESC out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the regex removes them
const COLOUR = /(?:\x1b|\^\[|#033|\\(?:e|033|x1b|u001b))\[[0-9;?]*[A-Za-z]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the regex removes them
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;
const WIDE_SPACE = /[\u00a0\u2000-\u200a\u202f\u3000]/g;
const INVISIBLE = /[\u200b\u200e\u200f\u2060\ufeff\u00ad]/g;
/** Of web pages, and of strings in programs. */
const TAG =
	/<\/?(?:br|p|pre|div|span|li|td|tr|code|line|font|tt|b|i|em|strong|blockquote)\b[^<>]*>|<!\[CDATA\[|\]\]>/gi;
const ENTITY = /&(nbsp|gt|lt|amp|quot|#39|#160);/g;
const ENTITIES: Readonly<Record<string, string>> = {
	nbsp: ' ',
	gt: '>',
	lt: '<',
	amp: '&',
	quot: '"',
	'#39': "'",
	'#160': ' ',
};
const HARDLY_ASCII = /[^\n\t -~]|[#\\^&]|<[/!a-zA-Z]|\]\]>/;

/** Without colours, carriage returns, NULs, and spaces of other kinds. Other control characters stay: they break a number. */
export function cleaned(line: string): string {
	if (!HARDLY_ASCII.test(line)) return line;
	const plain = line
		.replace(COLOUR, '')
		.replace(WIDE_SPACE, ' ')
		.replace(INVISIBLE, '')
		.replace(TAG, '')
		.replace(ENTITY, (_, name) => ENTITIES[name] ?? ' ')
		.replaceAll('\\t', ' ');
	return ['\x1b', '\r', '\0'].some(control => line.includes(control)) ? plain.replace(CONTROL, '') : plain;
}

/** A string of JSON, and whether it is a name. Logs in JSON have the message under many names: MESSAGE, msg, log, text. */
const STRING = /"((?:[^"\\]|\\.)*)"(\s*:)?/g;
/** Bytes of a message that is not UTF-8 or contains control characters: journalctl -o json. */
const BYTES = /"MESSAGE"\s*:\s*\[([\d\s,]+)\]/;
const JSON_LINE = /^\s*(?:[{[,]|"[\w ]+"\s*:|"(?:[^"\\]|\\.)*",?\s*$)/;

/** A message in JSON, and its time if it is in the same line. */
export type JsonText = {readonly texts: readonly string[]; readonly time?: number};

/** The texts in a line of JSON; undefined if the line is none. */
export function jsonTexts(line: string): JsonText | undefined {
	if (!line.includes('"') || !JSON_LINE.test(line)) return undefined;
	const bytes = BYTES.exec(line);
	if (bytes) return {texts: [Buffer.from(bytes[1].split(',').map(Number)).toString()], time: jsonTime(line)};
	const strings = [...line.matchAll(STRING)].flatMap(([, text, isName]) =>
		isName === undefined ? [unescaped(text)] : [],
	);
	const texts = strings.filter(text => text.length > 3 && /[ :]/.test(text));
	return texts.length > 0
		? {texts: texts.flatMap(text => text.split('\n')), time: jsonTime(line)}
		: undefined;
}

function unescaped(text: string): string {
	if (!text.includes('\\')) return text;
	try {
		const value: unknown = JSON.parse(`"${text}"`);
		return typeof value === 'string' ? value : text;
	} catch {
		// A string of something other than JSON.
		return text;
	}
}

/** journalctl's clocks in microseconds: the kernel's own is the better one. And dmesg --json's in seconds. */
export function jsonTime(line: string): number | undefined {
	const micro =
		/"_SOURCE_MONOTONIC_TIMESTAMP"\s*:\s*"(\d{1,16})"/.exec(line) ??
		/"__REALTIME_TIMESTAMP"\s*:\s*"(\d{1,17})"/.exec(line);
	if (micro) return Number(micro[1]) / 1e6;
	const time = /"time"\s*:\s*(\d{1,10}(?:\.\d{1,9})?)/.exec(line);
	return time ? Number(time[1]) : undefined;
}

/** Lines that only frame messages: fields of journalctl -o verbose and export, and of JSON. */
const FRAME =
	/^[[\]{},\s]*$|^\s*(?:"\w+"\s*:\s*(?:"[^"\s]*"|[\d.]+|null|true|false|\[)?,?|(?!MESSAGE=)_{0,2}[A-Z][A-Z0-9_]*=.*|[A-Z][a-z]{2} \d{4}-\d\d-\d\d .*\[s=.*)$/;

export const isFrame = (line: string): boolean => FRAME.test(line);

/** `=3D` for `=`, and a line's end that is no end: mail's quoted-printable. */
export const isSoftBreak = (line: string): boolean => line.endsWith('=');

/** Only where `=3D` proves it: many a message has an = before two digits. */
export const withoutQuotedPrintable = (line: string): string =>
	line.includes('=3D')
		? line.replace(/=([0-9A-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
		: line;

/** The marks of quoted mail, of diffs and of tables: "> > ", "| ", "&gt; ". */
const QUOTE = /^(?:\s*(?:>|\||&gt;)\s?)+/;
export const withoutQuotes = (line: string): string => line.replace(QUOTE, '').trimStart();
/** The same with the spaces after the marks, which may be a message's. */
export const withoutMarks = (line: string): string => line.replace(QUOTE, '');
