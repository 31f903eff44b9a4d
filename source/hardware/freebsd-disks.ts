// Disks of a FreeBSD that dmascope runs on. They are character devices; diskinfo(8) knows their size, and GEOM who has them
// open (kern.geom.confxml: a provider's mode, r1w1e1). Read in the sources, not seen on a running system.

import fs from 'node:fs';
import path from 'node:path';
import {UserError} from '../user-error.js';
import type {Place} from './block-device.js';
import {ask, type Platform, type Run} from './disk-platform.js';

const placeOf = (stat: fs.Stats): Place => ({
	key: `${stat.rdev}`,
	device: true,
	inode: `${stat.dev} ${stat.ino}`,
});

export const freebsdDisks = (run: Run): Platform => ({
	device: 'a disk device',
	isDevice: stat => stat.isCharacterDevice(),
	bytes: disk => diskinfoBytes(disk, ask(run, disk, 'diskinfo', [disk])),
	guard: 0,
	refuseIfInUse(disk) {
		const stat = fs.statSync(disk);
		if (!stat.isCharacterDevice())
			throw new UserError(
				`--writable cannot find out on FreeBSD whether --disk ${disk}, a file, is in use; use --overlay.`,
			);
		refuse(run, disk);
		return placeOf(stat);
	},
	lockForWriting(disk, fd, place) {
		const now = placeOf(fs.fstatSync(fd));
		if (now.key !== place.key || now.inode !== place.inode)
			throw new UserError(`--disk ${disk} was replaced while dmascope opened it; start dmascope again.`);
	},
});

/** diskinfo's line: name, sector size, bytes, sectors, stripe size, …, separated by tabs. */
function diskinfoBytes(disk: string, text: string): number {
	const [, sector, bytes] = text.trim().split(/\s+/).map(Number);
	if (!Number.isInteger(sector) || !Number.isInteger(bytes))
		throw new UserError(`--disk ${disk} is not a disk; give a disk image, a partition or a disk device.`);
	if (sector > 512)
		throw new UserError(
			`--disk ${disk} has sectors of ${sector} bytes, and the lab's have 512; give an image of it.`,
		);
	return bytes;
}

/** @throws UserError where something uses the disk, or it cannot be found out */
function refuse(run: Run, disk: string): void {
	const own = path.basename(fs.realpathSync(disk));
	const why = reasonAgainst(own, {
		mounts: ask(run, disk, 'mount', ['-p']),
		swaps: ask(run, disk, 'swapinfo', []),
		geom: ask(run, disk, 'sysctl', ['-n', 'kern.geom.confxml']),
		debug: ask(run, disk, 'sysctl', ['-n', 'kern.geom.debugflags']),
	});
	if (why !== undefined) throw new UserError(`--disk ${disk} ${why}, or leave --writable out.`);
}

export type GeomTexts = {mounts: string; swaps: string; geom: string; debug: string};

/** What speaks against writing to a provider, as the end of a sentence; undefined where nothing does. */
export function reasonAgainst(name: string, {mounts, swaps, geom, debug}: GeomTexts): string | undefined {
	const concerned = related(name, geom);
	if (concerned === undefined) return 'is not known to GEOM; give the name of a provider, such as /dev/ada1';
	if ((Number(debug.trim()) & 16) !== 0 || !/^\d+$/.test(debug.trim()))
		return 'cannot be guarded: kern.geom.debugflags lets mounted disks be written; set it to 0 first';
	for (const each of concerned) {
		const mount = tableRow(mounts, each);
		if (mount !== undefined) return `is in use: /dev/${each} is mounted at ${mount[1]}; unmount it first`;
		if (tableRow(swaps, each) !== undefined) return `is in use: /dev/${each} is swap; run swapoff first`;
		const mode = modeOf(each, geom);
		if (mode === undefined)
			return `may be in use: GEOM does not say who has /dev/${each} open; use --overlay`;
		// Partitions in use open their disk too, so any writer or exclusive user shows here.
		if (mode.writers > 0 || mode.exclusive > 0)
			return `is in use: something has /dev/${each} open for writing (a file system, a ZFS pool, a VM); end that first`;
	}
	return undefined;
}

const tableRow = (text: string, name: string): string[] | undefined =>
	text
		.split('\n')
		.map(line => line.trim().split(/\s+/))
		.find(([device]) => device === `/dev/${name}` || device === name);

/** <name>ada0p2</name> of a provider, and its mode before it: <mode>r1w1e0</mode>. */
const PROVIDER = /<provider id="([^"]*)">([\s\S]*?)<\/provider>/g;

type Mode = {writers: number; exclusive: number};

function modeOf(name: string, geom: string): Mode | undefined {
	const [, , writers, exclusive] = providers(geom).find(each => each.name === name)?.mode ?? [];
	return writers === undefined ? undefined : {writers: Number(writers), exclusive: Number(exclusive)};
}

const providers = (geom: string) =>
	[...geom.matchAll(PROVIDER)].map(([, id, text]) => ({
		id,
		name: /<name>([^<]*)<\/name>/.exec(text)?.[1] ?? '',
		mode: /<mode>r(\d+)w(\d+)e(\d+)<\/mode>/.exec(text) ?? undefined,
	}));

const GEOM = /<geom id="[^"]*">([\s\S]*?)<\/geom>/g;

/** The provider itself, those made of it, and those that it is made of; undefined where GEOM has no such provider. */
function related(name: string, geom: string): string[] | undefined {
	const own = providers(geom).find(each => each.name === name);
	if (own === undefined) return undefined;
	const geoms = [...geom.matchAll(GEOM)].map(([, text]) => ({
		from: [...text.matchAll(/<consumer id="[^"]*">[\s\S]*?<provider ref="([^"]*)"\/>/g)].map(
			([, ref]) => ref,
		),
		to: providers(text),
	}));
	const names = new Set([name]);
	const follow = (id: string, up: boolean): void => {
		for (const {from, to} of geoms) {
			const next = up
				? from.includes(id)
					? to
					: []
				: to.some(each => each.id === id)
					? providers(geom).filter(each => from.includes(each.id))
					: [];
			for (const each of next) {
				if (names.has(each.name)) continue;
				names.add(each.name);
				follow(each.id, up);
			}
		}
	};
	follow(own.id, true);
	follow(own.id, false);
	return [...names];
}
