// The prefix of a kernel message: level, clock, host, as dmesg, journalctl, syslog, /dev/kmsg and QEMU write it. The clock
// is only used for rates: a message without a readable clock is still read.

/** A message without its prefix. */
export type LogLine = {
	readonly text: string;
	/** Seconds since a time that depends on the log. */
	readonly time?: number;
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** <4>, and FreeBSD's <kern.crit> */
const LEVEL = /^<[\w.]+>\s?/;
/** dmesg -x: facility and level as words in columns. */
const DECODED = /^[a-z0-9]+ *:[a-z]+ *: /;
/** [   12.345678], with dmesg -d's delta, and with the thread or CPU of CONFIG_PRINTK_CALLER after it. */
const SINCE_BOOT = /^\[ *(\d+\.\d+)(?: *< *\d+\.\d+>)?\](?:\s?\[ *[TC]\d+\])?\s?/;
/** dmesg -T */
const HUMAN =
	/^\[[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d+) (\d\d):(\d\d):(\d\d)(?:[.,](\d+))? (\d{4})(?: *< *\d+\.\d+>)?\]\s?/;
/** dmesg -e prints a minute, then deltas: not a usable clock. */
const RELATIVE = /^\[(?:[A-Z][a-z]{2} *\d+ +\d\d:\d\d| +\+\d+\.\d+)\]\s?/;
/** /dev/kmsg: level and facility, sequence, microseconds, flags. */
const KMSG = /^\d+,\d+,(\d+),[^;]*;/;
/** syslog and journalctl: Nov 22 12:00:01.123456 host kernel: */
const SYSLOG = /^([A-Z][a-z]{2}) +(\d+) (\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s+/;
/** 2026-11-22T12:00:01.123456+01:00 */
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:?\d\d)?\s+/;
/** journalctl -o short-full and -o with-unit: Sun 2026-11-22 12:00:01 CET */
const FULL = /^[A-Z][a-z]{2} (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))? [A-Z+-][\w:+-]* +/;
/** journalctl -o short-unix */
const UNIX = /^(\d{9,11}\.\d+) (?=\S+ kernel)/;
/** The host, after a date or journalctl's monotonic clock. */
const HOST = /^(?:<[\w.]+>\s+)?(?:\S+\s+){0,3}?kernel(?:\[\d+\])?:\s?/;
/** Xen's own clock: seconds since boot, a date, or its time stamp counter, which is not a usable clock. */
const XEN = /^\(XEN\) (?:\[(?: *(\d+\.\d+)|(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)|[0-9a-f]{16})\] ?)?/;
/** The kernel's clock after something else: [   12.345678], [   12.345678 <    0.000123 >], and a thread's name. */
const CLOCK =
	/^.{0,160}?\[ *(\d{1,9}\.\d{1,6})(?: *<[^<>\]]{0,20}>)?\](?:\s?\[ *[TC]\d+\])?(?:\s?\(\d+\)\[\d+:[^\]]{1,20}\])?\s*/;
/** What no prefix contains. */
export const MESSAGE = /DMAR: ?\[|AMD-Vi: |Event logged|\[DMA |fault addr|Request device/;
/** QEMU's trace log: the process and seconds since 1970. */
const TRACE = /^\d+@(\d+\.\d+):/;

/** The message of a cleaned line, and its time. A prefix of a kind that is not known stays; readers find messages anywhere. */
export function withoutPrefix(line: string): LogLine {
	const console = line.indexOf('(XEN) ');
	if (console >= 0) return ofXen(line, console);
	let text = line;
	const cut = (pattern: RegExp): RegExpExecArray | null => {
		const match = pattern.exec(text);
		if (match) text = text.slice(match[0].length);
		return match;
	};
	if (text.startsWith('<')) cut(LEVEL);
	else if (text[6] === ':') cut(DECODED);
	const bare = !text.startsWith('[');
	const syslog = bare ? cut(SYSLOG) : null;
	const iso = bare && !syslog ? (cut(ISO) ?? cut(FULL)) : null;
	const unix = bare && !syslog && !iso ? cut(UNIX) : null;
	if (bare) {
		cut(HOST);
		if (text.startsWith('<')) cut(LEVEL);
	}
	if (text.startsWith('[')) {
		// The kernel's own clock is the best one.
		const boot = cut(SINCE_BOOT);
		if (boot) {
			// journalctl -o short-monotonic
			if (!bare) cut(HOST);
			return {text, time: Number(boot[1])};
		}
		const human = cut(HUMAN);
		if (human) return {text, time: dateOf(human[7], human[1], human.slice(2))};
		cut(RELATIVE);
	}
	if (syslog) return {text, time: dateOf('2000', syslog[1], syslog.slice(2))};
	if (iso) return {text, time: seconds(Number(iso[1]), Number(iso[2]) - 1, iso.slice(3))};
	if (unix) return {text, time: Number(unix[1])};
	const kmsg = cut(KMSG);
	if (kmsg) return {text, time: Number(kmsg[1]) / 1e6};
	const trace = cut(TRACE);
	if (trace) return {text, time: Number(trace[1])};
	// Whatever else comes before the kernel's clock: a logger's columns, a terminal program's time, a file's name.
	const clock = text.includes('message repeated') ? null : CLOCK.exec(text);
	if (clock === null) return withoutBareClock(text);
	// Of a line of several messages this is another one's clock.
	if (MESSAGE.test(clock[0])) return {text};
	const rest = text.slice(clock[0].length);
	return {text: rest.replace(/^\S+ kernel: /, ''), time: Number(clock[1])};
}

/** A clock without brackets, after columns of a logger. */
function withoutBareClock(text: string): LogLine {
	const clock = /^[\w |:.-]{0,60}?(?:^|[\s|])(\d{1,7}\.\d{6}):?\s+/.exec(text);
	return clock === null ? {text} : {text: text.slice(clock[0].length), time: Number(clock[1])};
}

/** The prefix before Xen's own belongs to the log that contains it. */
function ofXen(line: string, console: number): LogLine {
	const own = line.slice(console);
	const [prefix = '', boot, date] = XEN.exec(own) ?? [];
	const text = own.slice(prefix.length);
	if (boot !== undefined) return {text, time: Number(boot)};
	const {time} = withoutPrefix(date === undefined ? line.slice(0, console) : `${date} `);
	return time === undefined ? {text} : {text, time};
}

/** A date without a year gets a leap year, which has every date. */
function dateOf(year: string, month: string, rest: readonly string[]): number | undefined {
	const index = MONTHS.indexOf(month);
	return index < 0 ? undefined : seconds(Number(year), index, rest);
}

/** Since 1970, for differences only: time zones are ignored. */
function seconds(
	year: number,
	month: number,
	[day, h, m, s, fraction]: readonly (string | undefined)[],
): number {
	const whole = Date.UTC(year, month, Number(day), Number(h), Number(m), Number(s)) / 1000;
	return whole + (fraction === undefined ? 0 : Number(`0.${fraction}`));
}
