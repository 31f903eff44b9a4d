// What the host itself uses a PCI function for: mounted disks, LVM, RAID, swap, the default route, the console's picture.

import {createHash} from 'node:crypto';
import type {Tree} from '../tree.js';

export type Uses = {
	/** Sentences' parts, such as "nvme0n1p2: mounted at /". */
	disks: readonly string[];
	/** Whether one of them carries the running system: /, /boot, /usr, /var or swap. */
	system: boolean;
	/** Network interfaces, and whether no other has a default route. */
	interfaces: readonly string[];
	route: 'only' | 'one of several' | 'none';
	/** The firmware's or the console's picture. */
	console: boolean;
	/** Imported ZFS pools: which disks they have cannot be seen. */
	pools: readonly string[];
	/** Block devices behind the function. */
	blocks: readonly string[];
};

const LIST_BYTES = 1 << 20;
/** Block devices on block devices: LVM on RAID on partitions. */
const DEEPEST = 6;
const SYSTEM = ['/', '/boot', '/boot/efi', '/efi', '/usr', '/var', '/home'];
const NAME = /^[\w.:!-]{1,64}$/;

/** @param id a function's name in sysfs */
export function readUses(tree: Tree, id: string): Uses {
	const blocks = tree.list('/sys/block').filter(name => isBehind(tree.link(`/sys/block/${name}`), id));
	const tables = readTables(tree);
	const disks = blocks.flatMap(name => usesOf(tree, `/sys/block/${name}`, name, tables, 0));
	const net = `/sys/bus/pci/devices/${id}/net`;
	const interfaces = tree.list(net).filter(name => NAME.test(name) && tree.exists(`${net}/${name}`));
	return {
		disks: disks.map(({text}) => text),
		system: disks.some(({system}) => system),
		interfaces,
		route: routeOf(tree, interfaces),
		console: isConsole(tree, id),
		pools: tables.pools,
		blocks,
	};
}

/** A path such as ../devices/pci0000:00/0000:00:03.0/0000:02:00.0/nvme/nvme0/nvme0n1: the last function has the disk. */
const isBehind = (target: string | undefined, id: string): boolean =>
	target?.split('/').findLast(part => /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(part)) === id;

type Tables = {
	/** Mount points by "major:minor", and by the name of the device. */
	mounts: ReadonlyMap<string, readonly string[]>;
	swaps: ReadonlySet<string>;
	pools: readonly string[];
};

function readTables(tree: Tree): Tables {
	const mounts = new Map<string, string[]>();
	const add = (key: string, point: string) => mounts.set(key, [...(mounts.get(key) ?? []), point]);
	const pools = new Set<string>();
	for (const line of (tree.read('/proc/self/mountinfo', keepMounts, LIST_BYTES) ?? '').split('\n')) {
		const [numbers, point, type, source] = line.split(' ');
		if (source === undefined) continue;
		if (type === 'zfs') pools.add(source.split('/')[0]);
		// Btrfs has a number of its own, and names one of its devices.
		else if (numbers.startsWith('0:')) add(source, point);
		else add(numbers, point);
	}
	const swaps = new Set((tree.read('/proc/swaps', keepSwaps) ?? '').split('\n').filter(Boolean));
	return {mounts, swaps, pools: [...pools].filter(name => NAME.test(name))};
}

/**
 * Of /proc/self/mountinfo the number, mount point, type and source of each disk's file system: no shares of other
 * machines, and of mount points only those that a system has.
 */
function keepMounts(text: string): string {
	return text
		.split('\n')
		.flatMap(line => {
			// A line that this has kept already.
			if (/^\d+:\d+ \S+ \S+ \S+$/.test(line)) return [line];
			const [, numbers, point, type, source] =
				/^\d+ \d+ (\d+:\d+) \S+ (\S+) .* - (\S+) (\S+) \S+$/.exec(line) ?? [];
			if (numbers === undefined) return [];
			const isDisk = source.startsWith('/dev/') || type === 'zfs';
			return isDisk
				? [`${numbers} ${SYSTEM.includes(point) ? point : '…'} ${type} ${maskSource(source)}`]
				: [];
		})
		.join('\n');
}

/**
 * A volume's name often is the machine's: a capture has a digest of it, which is enough to find the volume that a file
 * system names.
 */
const maskName = (name: string): string =>
	/^dm#[0-9a-f]{12}$/.test(name.trim())
		? name.trim()
		: `dm#${createHash('sha256').update(name.trim()).digest('hex').slice(0, 12)}`;

const maskSource = (source: string): string => {
	const [, mapped] = /^\/dev\/mapper\/(.+)$/.exec(source) ?? [];
	return mapped === undefined ? source : maskName(mapped);
};

const keepSwaps = (text: string): string =>
	text
		.split('\n')
		.flatMap(line => /^(\/dev\/\S+)(?: |\t|$)/.exec(line)?.[1] ?? [])
		.join('\n');

type Use = {text: string; system: boolean};

/** The uses of a block device, of its partitions, and of what lies on them. */
function usesOf(tree: Tree, folder: string, name: string, tables: Tables, depth: number): Use[] {
	if (depth > DEEPEST || !NAME.test(name)) return [];
	const numbers = tree.read(`${folder}/dev`) ?? '';
	const mapped = tree.read(`${folder}/dm/name`, maskName);
	const files = [`/dev/${name}`, ...(mapped === undefined ? [] : [mapped])];
	const points = [...new Set([numbers, ...files].flatMap(key => tables.mounts.get(key) ?? []))];
	const found: Use[] = points.map(point => ({
		text: `${name}: mounted${point === '…' ? '' : ` at ${point}`}`,
		system: SYSTEM.includes(point),
	}));
	if (files.some(file => tables.swaps.has(file))) found.push({text: `${name}: swap`, system: true});
	const partitions = tree.list(folder).filter(each => each.startsWith(name) && each !== name);
	// A capture has what is read, not what is listed.
	const holders = tree
		.list(`${folder}/holders`)
		.filter(each => tree.link(`${folder}/holders/${each}`) !== undefined);
	for (const holder of holders) {
		const own = usesOf(tree, `/sys/block/${holder}`, holder, tables, depth + 1);
		const kind = kindOf(tree, holder);
		found.push(
			...(own.length > 0
				? own.map(use => ({...use, text: `${use.text} (${kind} on ${name})`}))
				: [{text: `${name}: ${kind} ${holder}`, system: false}]),
		);
	}
	for (const partition of partitions)
		if (tree.exists(`${folder}/${partition}/partition`))
			found.push(...usesOf(tree, `${folder}/${partition}`, partition, tables, depth + 1));
	return found;
}

function kindOf(tree: Tree, holder: string): string {
	if (holder.startsWith('md')) return 'RAID';
	const uuid = tree.read(`/sys/block/${holder}/dm/uuid`, text => /^[A-Z]+-/.exec(text)?.[0] ?? '') ?? '';
	if (uuid.startsWith('LVM-')) return 'LVM';
	return uuid.startsWith('CRYPT-') ? 'encryption' : 'device mapper';
}

/** Interfaces with a default route, of IPv4 and IPv6; a bridge or bond stands for its ports. */
function routeOf(tree: Tree, own: readonly string[]): Uses['route'] {
	const routed = new Set([
		...(tree.read('/proc/net/route', keepRoutes, LIST_BYTES) ?? '').split('\n'),
		...(tree.read('/proc/net/ipv6_route', keepRoutes6, LIST_BYTES) ?? '').split('\n'),
	]);
	routed.delete('');
	const isRouted = (name: string): boolean => {
		const master = tree.linkName(`/sys/class/net/${name}/master`);
		return routed.has(name) || (master !== undefined && routed.has(master));
	};
	if (!own.some(isRouted)) return 'none';
	const others = tree
		.list('/sys/class/net')
		.filter(name => !own.includes(name) && tree.exists(`/sys/class/net/${name}/device`));
	return others.some(isRouted) ? 'one of several' : 'only';
}

const keepRoutes = (text: string): string =>
	keepNames(text, line => /^(\S+)\t00000000\t[0-9A-F]{8}\t/.exec(line)?.[1]);
const keepRoutes6 = (text: string): string =>
	keepNames(text, line => {
		const [, name] = /^0{32} 00 .* (\S+)$/.exec(line) ?? [];
		return name === 'lo' ? undefined : name;
	});

/** The names alone, each once; lines that are names already stay. */
const keepNames = (text: string, nameOf: (line: string) => string | undefined): string =>
	[...new Set(text.split('\n').flatMap(line => (/^\S+$/.test(line) ? line : (nameOf(line) ?? []))))].join(
		'\n',
	);

/** The picture that firmware began with, or one that the kernel's console draws on. */
function isConsole(tree: Tree, id: string): boolean {
	if (tree.read(`/sys/bus/pci/devices/${id}/boot_vga`) === '1') return true;
	return tree
		.list('/sys/class/graphics')
		.some(name => /^fb\d+$/.test(name) && tree.linkName(`/sys/class/graphics/${name}/device`) === id);
}
