import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {hexHalves} from '../../../source/formats/address.js';
import {traceEvent} from '../../../source/live/host/trace-events.js';
import type {TraceEvent} from '../../../source/machine/trace.js';
import {fuzz} from '../../helpers/fuzz.js';

const at = (text: string) => `    kworker/0:1H-38      [000] .....    11.859841: ${text}`;
const brief = (event: TraceEvent): string => {
	const {is} = event;
	if (is === 'map') return `map ${hexHalves(event.iova)} ${event.paddr.toString(16)} ${event.bytes}`;
	if (is === 'unmap') return `unmap ${hexHalves(event.iova)} ${event.bytes} ${event.unmapped}`;
	if (is === 'fault') return `fault ${event.device} ${hexHalves(event.iova)} ${event.flags} ${event.driver}`;
	if (is === 'group') return `group ${event.device} ${event.group} ${event.joined}`;
	return `${is} ${event.device}`;
};
const of = (text: string): string | undefined => {
	const event = traceEvent(at(text));
	return event && brief(event);
};

/**
 * Lines of Debian's 6.1, with VT-d and with AMD-Vi: a driver that lets go of a disk and takes it again, and reads of it;
 * the last seven with record-tgid, and of those four without irq-info and of a task that is called "a]\nx-1 [00".
 */
test('events of a real kernel', () => {
	const lines = fs
		.readFileSync(path.join(import.meta.dirname, 'trace.txt'), 'utf8')
		.trimEnd()
		.split('\n');
	const events = lines.map(line => traceEvent(line));
	assert.deepEqual(
		events.map(event => event && `${event.at} ${event.task} ${event.pid} ${brief(event)}`),
		[
			'6.094131 init 1 unmap 0xffff8000 16384 16384',
			'6.142997 init 1 unmap 0xffffd000 4096 4096',
			'6.173882 init 1 group 0000:00:03.0 1 false',
			'6.201046 init 1 group 0000:00:03.0 1 true',
			'6.201627 init 1 attach 0000:00:03.0',
			'6.219081 kworker/u2:3 101 map 0xfffff000 1a38a000 4096',
			'6.232896 kworker/u2:3 101 map 0xffffd000 291b000 4096',
			'6.233117 exe 105 unmap 0xffffd000 4096 4096',
			'6.233363 kworker/u2:3 101 map 0xffffd000 291e000 4096',
			'5.80265 kworker/0:1H 38 map 0xfffc0000 2860000 4096',
			'5.803363 kworker/0:1H 38 map 0xfffc1000 285e000 4096',
			'5.803464 kworker/0:1H 38 map 0xfffc2000 2a46000 57344',
			'5.956911 kworker/0:1H 38 map 0xfffbe000 2a53000 4096',
			'5.956918 kworker/0:1H 38 map 0xfffbf000 2a55000 4096',
			'5.957101 <idle> 0 unmap 0xfffbe000 8192 8192',
			undefined,
			'6.170133 x-1 [00 117 unmap 0xfffdf000 4096 4096',
			undefined,
			'6.185065 x-1 [00 117 unmap 0xffffd000 4096 4096',
		],
	);
});

test('events of every kernel version', () => {
	assert.equal(
		of('map: IOMMU: iova=0x00000000fffc0000 paddr=0x000000000a8ac000 size=4096'),
		'map 0xfffc0000 a8ac000 4096',
	);
	assert.equal(
		of('unmap: IOMMU: iova=0x00000000fffc0000 size=8192 unmapped_size=4096'),
		'unmap 0xfffc0000 8192 4096',
	);
	assert.equal(of('detach_device_from_domain: IOMMU: device=0000:00:03.0'), 'detach 0000:00:03.0');
	assert.equal(
		of('io_page_fault: IOMMU:nvme 0000:00:03.0 iova=0x000000000dea0000 flags=0x0020'),
		'fault 0000:00:03.0 0xdea0000 32 nvme',
	);
	assert.equal(
		of('io_page_fault: IOMMU:My Driver 2 0000:00:03.0 iova=0xff00ffffffefe000 flags=0xffffffff'),
		'fault 0000:00:03.0 0xff00ffffffefe000 4294967295 My Driver 2',
	);
	assert.equal(
		of('io_page_fault: IOMMU: arm-smmu.0 iova=0x0000000000001000 flags=0x0000'),
		'fault arm-smmu.0 0x1000 0 undefined',
	);
	// Four flags, as older kernels have them; processors past 999.
	const old =
		'          <idle>-0     [1023] d.h1    11.859841: attach_device_to_domain: IOMMU: device=0000:00:03.0';
	assert.deepEqual(traceEvent(old), {
		at: 11.859841,
		task: '<idle>',
		pid: 0,
		is: 'attach',
		device: '0000:00:03.0',
	});
});

test('anything but a complete event is ignored', () => {
	const map = 'map: IOMMU: iova=0x00000000fffc0000 - 0x00000000fffc1000 paddr=0x000000000a8ac000 size=4096';
	assert.ok(of(map));
	for (const text of [
		`${map}0 x`,
		`${map}\r`,
		map.slice(0, -4),
		map.replace('map:', 'munmap:'),
		map.replace('map:', 'constructor:'),
		map.replace('IOMMU:', 'iommu:'),
		map.replace('0x000000000a8ac000', '0xfffffffffffff000'),
		map.replace('4096', '18446744073709551615'),
		map.replace('fffc0000', 'fffg0000'),
		map.replace('0x00000000fffc0000 -', '0x100000000fffc0000 -'),
		'attach_device_to_domain: IOMMU: device=',
		'attach_device_to_domain: IOMMU: device=a b',
		'add_device_to_group: IOMMU: groupID=-1 device=0000:00:03.0',
		'tracing_mark_write: map: IOMMU: iova=0x1000 paddr=0x1000 size=4096',
		'',
	])
		assert.equal(of(text), undefined, text);
	for (const line of [map, `x ${map}`, `# ${map}`, 'CPU:0 [LOST 113 EVENTS]', '-1 [000] ..... 1.000000: '])
		assert.equal(traceEvent(line), undefined, line);
});

/** Up to 15 bytes of what a line is made of. */
const task = fc.oneof(
	fc.string({unit: fc.constantFrom(...'-[]():.0123456789 map\n=x'), maxLength: 15}),
	fc.string({unit: 'binary-ascii', maxLength: 15}),
);
const hex = fc.bigInt({min: 0n, max: 2n ** 64n - 1n}).map(n => `0x${n.toString(16).padStart(16, '0')}`);
const physical = fc.integer({min: 0, max: 2 ** 52}).map(n => `0x${n.toString(16).padStart(16, '0')}`);
const bytes = fc.maxSafeNat();
const rangeOf = (iova: string, isNew: boolean) => `iova=${iova}${isNew ? ` - ${iova}` : ''}`;
const text = fc.oneof(
	fc
		.tuple(hex, fc.boolean(), physical, bytes)
		.map(([iova, isNew, paddr, size]) => `map: IOMMU: ${rangeOf(iova, isNew)} paddr=${paddr} size=${size}`),
	fc
		.tuple(hex, fc.boolean(), bytes, bytes)
		.map(
			([iova, isNew, size, unmapped]) =>
				`unmap: IOMMU: ${rangeOf(iova, isNew)} size=${size} unmapped_size=${unmapped}`,
		),
	hex.map(iova => `io_page_fault: IOMMU:vfio-pci 0000:00:03.0 iova=${iova} flags=0x0001`),
);
const line = fc
	.tuple(
		task,
		fc.nat(2 ** 22),
		fc.constantFrom('', '(     38) ', '(-------) '),
		fc.constantFrom('.....', 'd.h1.', '    '),
	)
	.map(
		([comm, pid, group, flags]) =>
			`${comm.padStart(16)}-${String(pid).padEnd(7)} ${group}[000] ${flags}    11.859841: `,
	);

/** The line that an event is of, from its name on, as kernels of both ages write it. */
function textsOf(event: TraceEvent): string[] {
	if (event.is !== 'map' && event.is !== 'unmap') return [];
	const digits = `0x${hexHalves(event.iova).slice(2).padStart(16, '0')}`;
	const rest =
		event.is === 'map'
			? `paddr=0x${event.paddr.toString(16).padStart(16, '0')} size=${event.bytes}`
			: `size=${event.bytes} unmapped_size=${event.unmapped}`;
	return [true, false].map(isNew => `${event.is}: IOMMU: ${rangeOf(digits, isNew)} ${rest}`);
}

test('a task’s name cannot forge an event', () => {
	fc.assert(
		fc.property(line, text, (start, end) => {
			const last = `${start}${end}`.split('\n').at(-1) ?? '';
			const event = traceEvent(last);
			assert.ok(event, last);
			assert.equal(event.pid, Number(/-(\d+) +(\([^)]*\) )?\[000\] .{4,5} {4}11\.859841: /.exec(last)?.[1]));
			assert.equal(event.at, 11.859841);
			if (event.is === 'fault') assert.ok(end.includes(hexHalves(event.iova).slice(2)));
			else assert.ok(textsOf(event).includes(end), end);
		}),
		fuzz(2000, 20261122),
	);
});

test('a damaged line gives no invented event', () => {
	fc.assert(
		fc.property(
			line,
			text,
			fc.array(fc.tuple(fc.nat(200), fc.nat(8), fc.string({unit: 'binary-ascii', maxLength: 4})), {
				maxLength: 3,
			}),
			(start, end, damages) => {
				let damaged = start + end;
				for (const [from, length, put] of damages)
					damaged = damaged.slice(0, from) + put + damaged.slice(from + length);
				const event = traceEvent(damaged);
				if (event === undefined || event.is === 'fault') return;
				// Zeros in front and the end of a range say nothing.
				const bare = (each: string) =>
					each.replace(/ - 0x[0-9a-f]+/, '').replace(/(?<=[=x])0+(?=[0-9a-f])/g, '');
				assert.ok(
					textsOf(event).some(each => bare(damaged).endsWith(bare(each))),
					damaged,
				);
			},
		),
		fuzz(2000, 20261122),
	);
});
