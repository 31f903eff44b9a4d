import assert from 'node:assert/strict';
import {type TestContext, test} from 'node:test';
import {findIommu, readUnit} from '../../../source/live/qemu/iommu.js';
import {Qmp} from '../../../source/live/qemu/qmp.js';
import {UserError} from '../../../source/user-error.js';
import {fakeQemu, GREETING} from '../../helpers/fake-qemu.js';

/** A machine with one region, and registers that print as given. */
async function machine(t: TestContext, region: string, words: string, functions: unknown = []): Promise<Qmp> {
	const mtree = `FlatView #0\n AS "memory", root: system\n  ${region}\n\n`;
	const socket = await fakeQemu(t, GREETING, ({execute, arguments: {'command-line': line}}) => {
		if (execute === 'query-pci') return JSON.stringify({return: functions});
		const value = line === undefined ? {} : String(line).startsWith('xp ') ? words : mtree;
		return JSON.stringify({return: value});
	});
	const qmp = await Qmp.connect(socket);
	t.after(() => qmp.close());
	return qmp;
}

const unitOf = async (qmp: Qmp) => readUnit(qmp, await findIommu(qmp));

const VTD = '00000000fed90000-00000000fed9022f (prio 0, i/o): intel_iommu';
const AMD = '00000000fed80000-00000000fed83fff (prio 0, i/o): amdvi-mmio';
/** As `xp /12wx` prints VT-d's registers, in QEMU 7.2 with a Linux guest. */
const REGISTERS = `00000000fed90000: 0x00000010 0x00000000 0x222f0606 0x00d2008c
00000000fed90010: 0x00f00f4a 0x00000000 0x00000000 0xc7000000
00000000fed90020: 0x018ee000 0x00000001 0x00000000 0x00000000
`;
const AMD_REGISTERS = `00000000fed80000: 0x011c8001 0x00000001 0x011ca000 0x09000000
00000000fed80010: 0x011cc000 0x09000000 0x0003f48f 0x00000000
`;

test('the unit is found in the memory map, and its registers locate the tables', async t => {
	assert.deepEqual(await unitOf(await machine(t, VTD, REGISTERS)), {
		format: 'vt-d',
		enabled: true,
		table: 0x1018ee000,
		capLo: 0x222f0606,
		capHi: 0xd2008c,
		ecapLo: 0xf00f4a,
		hostAddressWidth: 48,
	});
	assert.deepEqual(await unitOf(await machine(t, AMD, AMD_REGISTERS)), {
		format: 'amd-vi',
		enabled: true,
		table: 0x1011c8000,
		bytes: 8192,
	});
});

test('a machine without a unit, and unsupported tables, are refused with a sentence', async t => {
	const refused = async (region: string, words: string, pattern: RegExp, functions: unknown = []) =>
		assert.rejects(
			unitOf(await machine(t, region, words, functions)),
			(error: unknown) => error instanceof UserError && pattern.test(error.message),
		);
	await refused(
		'0000000000000000-00000000ffffffff (prio 0, ram): m0',
		'',
		/no IOMMU; start QEMU with -device/,
	);
	await refused(VTD, REGISTERS.replace('018ee000', '018eec00'), /in abort mode/);
	await refused(VTD, 'Cannot access memory', /cannot print memory at 0xfed90000/);
	await refused(
		'0000000000000000-00000000ffffffff (prio 0, ram): m0',
		'',
		/virtio-iommu, which has no tables in memory/,
		[{bus: 0, devices: [{bus: 0, slot: 1, function: 0, id: {vendor: 0x1af4, device: 0x1057}}]}],
	);
});
