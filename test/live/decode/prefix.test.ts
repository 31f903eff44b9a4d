import assert from 'node:assert/strict';
import {test} from 'node:test';
import {cleaned} from '../../../source/live/decode/plain-line.js';
import {withoutPrefix} from '../../../source/live/decode/prefix.js';

const noon = Date.UTC(2026, 10, 22, 12, 0, 1) / 1000;
/** Without a year, as of a leap year. */
const noYear = Date.UTC(2000, 10, 22, 12, 0, 1) / 1000;

const PREFIXES: [how: string, prefix: string, time: number | undefined][] = [
	['none', '', undefined],
	['dmesg', '[   12.345678] ', 12.345678],
	['dmesg, hours up', '[283151.307374] ', 283151.307374],
	['dmesg -d', '[   12.345678 <    0.000012>] ', 12.345678],
	['printk with its caller', '[   12.345678][  T123] ', 12.345678],
	['dmesg -r', '<4>[   12.345678] ', 12.345678],
	['dmesg -T', '[Sun Nov 22 12:00:01 2026] ', noon],
	['dmesg -T on the 5th', '[Thu Nov  5 12:00:01 2026] ', noon - 17 * 86400],
	['dmesg -e, of a minute', '[Nov22 12:00] ', undefined],
	['dmesg -e, later', '[  +0.000012] ', undefined],
	['syslog', 'Nov 22 12:00:01 host kernel: ', noYear],
	['syslog with the kernel’s clock', 'Nov 22 12:00:01 host kernel: [   12.345678] ', 12.345678],
	['journalctl -o short-precise', 'Nov 22 12:00:01.500000 host kernel: ', noYear + 0.5],
	['journalctl -o short-iso', '2026-11-22T12:00:01+0100 host kernel: ', noon],
	['journalctl -o short-iso-precise', '2026-11-22T12:00:01.250000+01:00 host kernel: ', noon + 0.25],
	['journalctl -o short-monotonic', '[   12.345678] host kernel: ', 12.345678],
	['rsyslog', '2026-11-22T12:00:01.123456+01:00 host kernel: [   12.5] ', 12.5],
	['FreeBSD’s syslogd -v', 'Nov 22 12:00:01 <kern.crit> host kernel: ', noYear],
	['dmesg -x', 'kern  :err   : [   12.345678] ', 12.345678],
	['dmesg -xT', 'kern  :warn  : [Sun Nov 22 12:00:01 2026] ', noon],
	['dmesg -Td', '[Sun Nov 22 12:00:01 2026 <    0.000012>] ', noon],
	['dmesg --time-format iso', '2026-11-22T12:00:01,250000+01:00 ', noon + 0.25],
	['journalctl -o short-full', 'Sun 2026-11-22 12:00:01 CET host kernel: ', noon],
	['journalctl -o with-unit', 'Sun 2026-11-22 12:00:01 UTC host kernel: [   12.5] ', 12.5],
	['journalctl -o short-unix', '1795348801.250000 host kernel: ', 1795348801.25],
	['a bug report, with the hour alone', '11:35:15 kernel: ', undefined],
	['a bug report, with no host', 'kernel: [   12.345678] ', 12.345678],
	['/dev/kmsg', '6,1234,12345678,-;', 12.345678],
	['/dev/kmsg with its caller', '4,1234,12345678,-,caller=T1;', 12.345678],
	['Xen’s console', '(XEN) ', undefined],
	['Xen’s console with its clock', '(XEN) [   37.201160] ', 37.20116],
	['Xen’s console with dates', '(XEN) [2026-11-22 12:00:01] ', noon],
	['Xen’s console with dates and fractions', '(XEN) [2026-11-22 12:00:01.250] ', noon + 0.25],
	['Xen’s console with its time stamp counter', '(XEN) [000000456c0fe39f] ', undefined],
	['Xen’s lines in a journal', 'Nov 22 12:00:01.500000 VM hypervisor: (XEN) ', noYear + 0.5],
	['a QEMU trace', '236498@1676271757.075075:', 1676271757.075075],
];

for (const [how, prefix, time] of PREFIXES) {
	test(`the message after ${how}`, () => {
		const message = 'DMAR: DRHD: handling fault status reg 3';
		const line = withoutPrefix(`${prefix}${message}`);
		assert.equal(line.text, message);
		assert.equal(line.time, time);
	});
}

test('colours, carriage returns and NULs are removed', () => {
	assert.equal(
		cleaned('\x1b[32m[    1.5] \x1b[0m\x1b[1;33mDMAR: \x1b[0mfault\r\0\0'),
		'[    1.5] DMAR: fault',
	);
	assert.equal(cleaned('a\ttab stays'), 'a\ttab stays');
});

test('an invalid month is not a clock', () => {
	assert.equal(withoutPrefix('Foo 22 12:00:01 host kernel: hello').time, undefined);
});
