// The PCI tree: ACS bits out of configuration spaces, why devices share a group, and how two of them reach each other.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {ACS, ACS_NEEDED, acsText, decodeConfig} from '../../../source/formats/pci-config.js';
import {Capture, treeAt} from '../../../source/live/host/capture.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {routeBetween, whyTogether} from '../../../source/live/host/topology.js';
import {Tree} from '../../../source/live/host/tree.js';
import {fuzz} from '../../helpers/fuzz.js';
import {filesOf, group, type Machine, runProgram, VTD} from '../../helpers/host-tree.js';

type Kind = {type: number; acs?: {capable: number; control: number}; multifunction?: boolean; flr?: boolean};
const ROOT_PORT = 4;
const UPSTREAM = 5;
const DOWNSTREAM = 6;

/** A configuration space: PCIe capability at 0x60 behind one of power management, ACS at 0x148 behind error reporting. */
function config({type, acs, multifunction = false, flr = false}: Kind): string {
	const bytes = Buffer.alloc(4096);
	bytes[0x06] = 0x10;
	bytes[0x0e] = multifunction ? 0x80 : 0;
	bytes[0x34] = 0x40;
	bytes.set([0x01, 0x60], 0x40);
	bytes.writeUInt16LE(0x10, 0x60);
	bytes.writeUInt16LE((type << 4) | 2, 0x62);
	bytes.writeUInt32LE(flr ? 0x1000_0000 : 0, 0x64);
	bytes.writeUInt32LE((0x148 << 20) | 0x1_0001, 0x100);
	if (acs) {
		bytes.writeUInt32LE(0x1_000d, 0x148);
		bytes.writeUInt16LE(acs.capable, 0x14c);
		bytes.writeUInt16LE(acs.control, 0x14e);
	}
	return bytes.toString('latin1');
}

test('ports, ACS and function-level reset are read from a configuration space', () => {
	const decoded = (kind: Kind) => decodeConfig(Buffer.from(config(kind), 'latin1'));
	assert.deepEqual(decoded({type: ROOT_PORT, acs: {capable: 0x5f, control: 0x1d}}), {
		kind: 'root port',
		flr: false,
		multifunction: false,
		acs: {capable: 0x5f, control: 0x1d},
	});
	assert.deepEqual(decoded({type: 0, flr: true, multifunction: true}), {
		kind: 'endpoint',
		flr: true,
		multifunction: true,
	});
	assert.equal(
		acsText(0x1d),
		'SrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-',
	);
	assert.equal(decodeConfig(Buffer.alloc(64)), undefined, 'users other than root see the head only');
	assert.equal(decodeConfig(Buffer.alloc(256))?.kind, 'conventional');
});

test('any bytes are a configuration space, or none', () => {
	fc.assert(
		fc.property(fc.uint8Array({maxLength: 4096, size: 'max'}), bytes => {
			decodeConfig(bytes);
		}),
		fuzz(300, 7),
	);
});

/** A function below others, from the root bus on. */
function port(
	way: readonly string[],
	kind: Kind,
	more: {class?: string; group?: number; driver?: string} = {},
): Machine {
	const id = way.at(-1) ?? '';
	const folder = `/sys/devices/pci0000:00/${way.join('/')}`;
	return {
		[`/sys/bus/pci/devices/${id}`]: {to: `../../../devices/pci0000:00/${way.join('/')}`},
		[`${folder}/vendor`]: '0x8086\n',
		[`${folder}/device`]: '0x1234\n',
		[`${folder}/class`]: `0x${more.class ?? '060400'}\n`,
		[`${folder}/config`]: config(kind),
		...(more.group === undefined
			? {}
			: {
					[`${folder}/iommu_group`]: {to: `/sys/kernel/iommu_groups/${more.group}`},
					[`/sys/kernel/iommu_groups/${more.group}/devices/${id}`]: {to: `/sys/bus/pci/devices/${id}`},
				}),
	};
}

const ON = {capable: 0x5f, control: ACS_NEEDED};
const [RP, UP, D1, D2, A, B] = ['00:1c.0', '01:00.0', '02:00.0', '02:01.0', '03:00.0', '04:00.0'].map(
	id => `0000:${id}`,
);
/** Two GPUs behind a switch. */
const switched = (first: Kind['acs'], second: Kind['acs']): Machine => ({
	...VTD,
	...group(1),
	...port([RP], {type: ROOT_PORT, acs: ON}, {group: 1}),
	...port([RP, UP], {type: UPSTREAM}, {group: 1}),
	...port([RP, UP, D1], {type: DOWNSTREAM, acs: first}, {group: 1}),
	...port([RP, UP, D2], {type: DOWNSTREAM, acs: second}, {group: 1}),
	...port([RP, UP, D1, A], {type: 0}, {class: '030000', group: 1}),
	...port([RP, UP, D2, B], {type: 0}, {class: '030000', group: 1}),
	...port(['0000:00:1d.0'], {type: ROOT_PORT, acs: ON}),
	...port(['0000:00:1d.0', '0000:05:00.0'], {type: 0}, {class: '020000'}),
});
const hostFrom = (machine: Machine) => readHost(new Tree(filesOf(machine)));

test('which way two functions reach each other', async () => {
	const route = async (machine: Machine, a = A, b = B) => {
		const {through, words} = routeBetween((await hostFrom(machine)).topology, a, b);
		return `${through}: ${words}`;
	};
	assert.match(
		await route(switched(ON, ON)),
		/^root complex: They share the switch at 01:00\.0 upstream port/,
	);
	assert.match(
		await route(switched(ON, undefined)),
		/^switch: .* 02:01\.0 downstream port does not redirect requests .*straight through the switch, past the IOMMU/,
	);
	const off = {capable: 0x5f, control: ACS.SV};
	assert.match(await route(switched(off, off)), /^switch: .*02:00\.0 .* and 02:01\.0 .* do not redirect/);
	const direct = {capable: 0x5f, control: ACS_NEEDED | ACS.DT};
	assert.match(await route(switched(direct, direct)), /^root complex: .*had translated \(ATS\) go straight/);
	assert.match(
		await route(switched(off, off), A, '0000:05:00.0'),
		/^root complex: .*meet only in the root complex/,
	);
	const unread = Object.fromEntries(
		Object.entries(switched(ON, ON)).filter(([at]) => !at.endsWith('/config')),
	);
	assert.match(await route(unread), /^unknown: .*cannot be read; run it as root/);
	const two = {
		...VTD,
		...port(['0000:00:02.0'], {type: 9, multifunction: true}, {class: '030000'}),
		...port(['0000:00:02.1'], {type: 9, multifunction: true}, {class: '038000'}),
	};
	assert.match(await route(two, '0000:00:02.0', '0000:00:02.1'), /^inside: .*without ACS redirect/);
});

test('why devices are in one group: the bridge, and the bit', async () => {
	const why = async (machine: Machine) => {
		const {topology, groups} = await hostFrom(machine);
		return whyTogether(topology, groups[0]);
	};
	assert.deepEqual(await why(switched(undefined, {capable: 0x5f, control: ACS_NEEDED & ~ACS.RR})), [
		'02:00.0 downstream port joins 03:00.0: it has no ACS, so what is behind it may be reached past the IOMMU',
		'02:01.0 downstream port joins 04:00.0: its ACS has request redirect (ReqRedir) off',
	]);
	// A bit that the port does not have is not missing.
	const plain = {capable: ACS.SV | ACS.RR, control: ACS.SV | ACS.RR};
	assert.deepEqual(await why(switched(plain, plain)), []);
});

test('a capture has the port and its bits, and no configuration space', async () => {
	const capture = new Capture();
	const machine = switched(ON, undefined);
	const first = await readHost(new Tree(filesOf(machine), capture));
	const entries = capture.contents();
	const configs = entries.filter(({path}) => path.endsWith('/config'));
	assert.deepEqual([...new Set(configs.map(({text}) => text))].sort(), [
		'kind downstream port;;',
		'kind downstream port;; acs 5f 1d',
		'kind root port;; acs 5f 1d',
		'kind upstream port;;',
	]);
	assert.ok(
		configs.every(({path}) => !path.includes(A)),
		'endpoints are not looked into',
	);
	const again: Machine = Object.fromEntries(
		entries.map(({path, kind, text}) => [
			kind === 'directory' ? `${path}/` : path,
			kind === 'link' ? {to: text} : text,
		]),
	);
	assert.deepEqual((await hostFrom(again)).topology, first.topology);
});

test('switch.tar: a switch that was booted has the bits that lspci -vvv prints', async () => {
	const at = (name: string) => path.join(import.meta.dirname, name);
	const {topology} = await readHost(new Tree(treeAt(at('switch.tar'))()));
	let compared = 0;
	for (const part of fs.readFileSync(at('switch.lspci.txt'), 'utf8').split(/^(?=[0-9a-f]{4}:)/m)) {
		const {config} = topology.get(part.slice(0, 12)) ?? {};
		if (config === undefined) continue;
		const [, kind] = /Express \(v\d\) ([^,]+?)(?:, |\s*\()/.exec(part) ?? [];
		const [, control] = /ACSCtl:\s+(.*)/.exec(part) ?? [];
		const [, capable] = /ACSCap:\s+(.*)/.exec(part) ?? [];
		const names: Record<string, string> = {
			'Root Port': 'root port',
			'Upstream Port': 'upstream port',
			'Downstream Port': 'downstream port',
			'PCI-Express to PCI/PCI-X Bridge': 'PCIe-to-PCI bridge',
		};
		if (kind !== undefined && names[kind.trim()]) assert.equal(config.kind, names[kind.trim()], part);
		assert.equal(config.acs && acsText(config.acs.control), control?.trim(), part);
		assert.equal(config.acs && acsText(config.acs.capable), capable?.trim(), part);
		compared++;
	}
	assert.ok(compared >= 6, `${compared} ports`);
	const shown = runProgram(['host', '--root', at('switch.tar'), '--between', '03:00.0', '04:00.0']);
	assert.equal(shown.code, 0);
	assert.match(
		shown.stdout,
		/straight through the switch, past the IOMMU[\s\S]*01:00\.0 {2}upstream port: no ACS/,
	);
	const json = runProgram(['host', '--root', at('switch.tar'), '--between', '03:00.0', '05:00.0', '--json']);
	assert.equal(JSON.parse(json.stdout).through, 'root complex');
	for (const [args, words] of [
		[['--between', '03:00.0'], /needs two functions/],
		[['--between', '03:00.0', '03:00.0'], /both are 03:00\.0/],
		[['--between', '02:00.0', '03:00.0'], /0000:02:00\.0 is a bridge; name the devices/],
	] as const) {
		const {code, stderr} = runProgram(['host', '--root', at('switch.tar'), ...args]);
		assert.equal(code, 2);
		assert.match(stderr, words);
	}
});
