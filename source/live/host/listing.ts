// The listings of groups that scripts on forums print, as a host to look at: groups, devices and names, and drivers where
// lspci was asked for them. All else of the host stays unknown.
//
//     IOMMU Group 1:                                   IOMMU Group 1 01:00.0 VGA compatible controller [0300]: …
//     	01:00.0 VGA compatible controller [0300]: …      Group 1: [10de:1b80] 01:00.0  VGA compatible controller  …

import {UserError} from '../../user-error.js';
import {Files} from './tree.js';

/** Set in the tree of a listing. */
export const LISTING_MARK = '/run/dmascope-listing';

const GROUP = /^\s*(?:IOMMU[ _])?group:?\s+#?(\d{1,9})\b:?\s*(.*)$/i;
const FUNCTION = /(?:^|\s)((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\s+(\S.*)$/i;
const DRIVER = /^\s*Kernel driver in use: ([\w-]{1,64})\s*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal
const COLOURS = /\x1b\[[\d;]*m/g;
/** More lines than any machine has functions; a longer file is something else. */
const MOST_LINES = 65_536;
const LONGEST_NAME = 200;

/** Class codes by lspci's names, for listings without them. */
const CLASSES: Readonly<Record<string, string>> = {
	'non-volatile memory controller': '0108',
	'sata controller': '0106',
	'serial attached scsi controller': '0107',
	'raid bus controller': '0104',
	'ide interface': '0101',
	'ethernet controller': '0200',
	'network controller': '0280',
	'vga compatible controller': '0300',
	'3d controller': '0302',
	'display controller': '0380',
	'audio device': '0403',
	'multimedia audio controller': '0401',
	'multimedia controller': '0480',
	'ram memory': '0500',
	'memory controller': '0580',
	'host bridge': '0600',
	'isa bridge': '0601',
	'pci bridge': '0604',
	bridge: '0680',
	'serial controller': '0700',
	'communication controller': '0780',
	'sd host controller': '0805',
	iommu: '0806',
	'system peripheral': '0880',
	'usb controller': '0c03',
	smbus: '0c05',
	'serial bus controller': '0c80',
	'encryption controller': '1080',
	'signal processing controller': '1180',
	'processing accelerators': '1200',
};

type Listed = {id: string; group: number; class: string; ids: string; name: string; driver?: string};

/** Whether a text is such a listing: a group is named in one of its first lines. */
export const isListing = (beginning: string): boolean =>
	beginning
		.replace(COLOURS, '')
		.split('\n', 40)
		.some(line => {
			const [, , rest] = GROUP.exec(line) ?? [];
			return rest === '' || (rest !== undefined && FUNCTION.test(rest));
		});

/** @throws UserError if no function is listed in a group */
export function listingFiles(text: string, name: string): Files {
	const listed = listedIn(text);
	if (listed.length === 0)
		throw new UserError(`${name} names groups and no devices; print each group’s devices with lspci -nns.`);
	const files = new Files();
	files.add(LISTING_MARK, 'file', listed.some(({driver}) => driver !== undefined) ? 'drivers' : '');
	for (const {id, group, class: code, ids, driver} of listed) {
		const folder = `/sys/bus/pci/devices/${id}`;
		const [vendor, product] = ids.split(':');
		files.add(`${folder}/class`, 'file', `0x${code}00`);
		if (product !== undefined) {
			files.add(`${folder}/vendor`, 'file', `0x${vendor}`);
			files.add(`${folder}/device`, 'file', `0x${product}`);
		}
		files.add(`${folder}/iommu_group`, 'link', `../../../../kernel/iommu_groups/${group}`);
		files.add(`/sys/kernel/iommu_groups/${group}/devices/${id}`, 'link', `../../../../bus/pci/devices/${id}`);
		if (driver !== undefined) files.add(`${folder}/driver`, 'link', `../../drivers/${driver}`);
	}
	files.add('/usr/share/misc/pci.ids', 'file', namesOf(listed));
	return files;
}

function listedIn(text: string): Listed[] {
	const found = new Map<string, Listed>();
	let group: number | undefined;
	let last: Listed | undefined;
	for (const line of text.replace(COLOURS, '').split(/\r?\n/, MOST_LINES)) {
		const [, number, after] = GROUP.exec(line) ?? [];
		if (number !== undefined) group = Number(number);
		const rest = number === undefined ? line : after;
		const [, driver] = DRIVER.exec(line) ?? [];
		if (driver !== undefined && last !== undefined) last.driver = driver;
		const [, address, words] = FUNCTION.exec(rest) ?? [];
		if (address === undefined || group === undefined) continue;
		const id = (address.length === 7 ? `0000:${address}` : address).toLowerCase();
		last = {id, group, ...describe(words, rest.slice(0, rest.indexOf(address)))};
		found.set(id, last);
	}
	return [...found.values()];
}

/** `VGA compatible controller [0300]: NVIDIA Corporation GP104 [GeForce GTX 1080] [10de:1b80] (rev a1)` */
function describe(words: string, before: string): Pick<Listed, 'class' | 'ids' | 'name'> {
	const ids = /\[([0-9a-f]{4}:[0-9a-f]{4})\]/i;
	const [, id = ''] = ids.exec(before) ?? [...words.matchAll(new RegExp(ids, 'gi'))].at(-1) ?? [];
	const [, kind, code, name] = /^(.*?)\s*(?:\[([0-9a-f]{4})\])?(?::\s+|\s{2,}|$)(.*)$/i.exec(words) ?? [
		'',
		words,
		undefined,
		'',
	];
	const known = code ?? CLASSES[kind.trim().toLowerCase()] ?? 'ff00';
	const bare = name
		.replace(new RegExp(ids, 'gi'), '')
		.replace(/\s*\((?:rev|prog-if) [^)]*\)/gi, '')
		.trim();
	return {class: known.toLowerCase(), ids: id.toLowerCase(), name: bare.slice(0, LONGEST_NAME)};
}

/** The names in the form of pci.ids: a vendor's line, which has the words that all its products begin with. */
function namesOf(listed: readonly Listed[]): string {
	const vendors = Map.groupBy(
		listed.filter(({ids, name}) => ids !== '' && name !== ''),
		({ids}) => ids.slice(0, 4),
	);
	return [...vendors]
		.map(([vendor, devices]) => {
			const [first = ''] = devices[0].name.split(' ');
			const shared = devices.filter(({name}) => name.startsWith(`${first} `));
			const products = shared.map(({ids, name}) => `\t${ids.slice(5)}  ${name.slice(first.length + 1)}\n`);
			return `${vendor}  ${first}\n${products.join('')}`;
		})
		.join('');
}
