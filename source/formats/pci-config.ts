// A PCI function's configuration space, as far as isolation needs it: the kind of port, the buses of a bridge, function-level
// reset and Access Control Services (PCI Express Base Specification, 7.5.1, 7.5.3 and 7.7.8).

export type PortKind =
	| 'endpoint'
	| 'root port'
	| 'upstream port'
	| 'downstream port'
	| 'PCIe-to-PCI bridge'
	| 'root complex device'
	| 'conventional';

export type PciConfig = {
	kind: PortKind;
	/** Function-level reset. */
	flr: boolean;
	multifunction: boolean;
	/** The bits that the function has, and those that are switched on. */
	acs?: {capable: number; control: number};
};

const CAPABILITY = {PCIE: 0x10};
const EXTENDED = {START: 0x100, ACS: 0x0d};
/** As many as fit, for lists that lead back to themselves. */
const MOST_CAPABILITIES = 48;
const MOST_EXTENDED = 480;
const PLAIN_BYTES = 64;

/** PCIe capability register, bits 7:4. */
const KINDS: Readonly<Record<number, PortKind>> = {
	0: 'endpoint',
	1: 'endpoint',
	4: 'root port',
	5: 'upstream port',
	6: 'downstream port',
	7: 'PCIe-to-PCI bridge',
	8: 'PCIe-to-PCI bridge',
	9: 'root complex device',
	10: 'root complex device',
};

/** Undefined if only the head can be read, as by other users than root. */
export function decodeConfig(bytes: Uint8Array): PciConfig | undefined {
	if (bytes.length <= PLAIN_BYTES) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const multifunction = (bytes[0x0e] & 0x80) !== 0;
	const at = (bytes[0x06] & 0x10) !== 0 ? findCapability(bytes, CAPABILITY.PCIE) : undefined;
	if (at === undefined) return {kind: 'conventional', flr: false, multifunction};
	const kind = KINDS[(view.getUint16(at + 2, true) >>> 4) & 15] ?? 'endpoint';
	const flr = (view.getUint32(at + 4, true) & 0x1000_0000) !== 0;
	const acs = findExtended(view, EXTENDED.ACS);
	return {
		kind,
		flr,
		multifunction,
		...(acs === undefined
			? {}
			: {
					acs: {capable: view.getUint16(acs + 4, true) & 0x7f, control: view.getUint16(acs + 6, true) & 0x7f},
				}),
	};
}

function findCapability(bytes: Uint8Array, id: number): number | undefined {
	let at = bytes[0x34] & ~3;
	for (let i = 0; i < MOST_CAPABILITIES && at >= PLAIN_BYTES && at + 8 <= bytes.length; i++) {
		if (bytes[at] === id) return at;
		at = bytes[at + 1] & ~3;
	}
	return undefined;
}

function findExtended(view: DataView, id: number): number | undefined {
	let at = EXTENDED.START;
	for (let i = 0; i < MOST_EXTENDED && at >= EXTENDED.START && at + 8 <= view.byteLength; i++) {
		const head = view.getUint32(at, true);
		if ((head & 0xffff) === id) return at;
		at = (head >>> 20) & ~3;
	}
	return undefined;
}

/** ACS bits by number, as lspci names them. */
export const ACS_BITS: readonly (readonly [short: string, name: string])[] = [
	['SrcValid', 'source validation'],
	['TransBlk', 'translation blocking'],
	['ReqRedir', 'request redirect'],
	['CmpltRedir', 'completion redirect'],
	['UpstreamFwd', 'upstream forwarding'],
	['EgressCtrl', 'egress control'],
	['DirectTrans', 'direct translated P2P'],
];
export const ACS = {SV: 1, TB: 2, RR: 4, CR: 8, UF: 0x10, EC: 0x20, DT: 0x40} as const;
/** What Linux needs on for devices to be apart (REQ_ACS_FLAGS). */
export const ACS_NEEDED = ACS.SV | ACS.RR | ACS.CR | ACS.UF;

/** SrcValid+ TransBlk- ReqRedir+ …, as lspci -vvv prints it. */
export const acsText = (bits: number): string =>
	ACS_BITS.map(([short], bit) => `${short}${(bits >>> bit) & 1 ? '+' : '-'}`).join(' ');
