// How fast dmascope is as a VM's disk: requests of a front end without a VM beside qemu-storage-daemon on the same file,
// and reads by a Linux guest beside QEMU's own virtio-blk in the same guest. Figures are of this machine at this moment:
// none of them is a test.

import {execFileSync, spawn} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {type Ends, folder, MIB} from './helpers/lab.js';
import {bootLinux} from './helpers/linux.js';
import {CLI} from './helpers/program.js';
import {findGuest} from './helpers/qemu.js';

const LOAD = path.join(import.meta.dirname, 'helpers/vhost-load.ts');
const LOAD_MS = 2000;
const ROUNDS = 3;
const GUEST_READS = 6000;
const DISK_BYTES = 64 * MIB;

export type VhostFigure = {
	what: string;
	value: number;
	unit: 'requests/s';
	beside: string;
	other?: number;
	ratio?: number;
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];

/** @returns a sentence where there is no QEMU */
export async function vhostFigures(): Promise<VhostFigure[] | string> {
	const guest = findGuest();
	if (typeof guest === 'string') return guest;
	const ends: (() => unknown)[] = [];
	const t: Ends = {after: end => void ends.unshift(end)};
	try {
		// In memory, where there is such a file system: no disk is measured.
		const place = fs.mkdtempSync(
			path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'dmascope-bench-'),
		);
		t.after(() => fs.rmSync(place, {recursive: true, force: true}));
		const file = path.join(place, 'disk.img');
		fs.writeFileSync(file, Buffer.alloc(DISK_BYTES, 'a disk in memory '));
		const served = await serve(t, file);
		const daemon = await storageDaemon(t, file);
		const figures: VhostFigure[] = [];
		for (const [bytes, depth] of [
			[4096, 1],
			[4096, 32],
			[65_536, 32],
		]) {
			const measured: {ours: number; theirs?: number}[] = [];
			for (let i = 0; i < ROUNDS; i++)
				measured.push({
					ours: load(served, bytes, depth),
					...(daemon === undefined ? {} : {theirs: load(daemon, bytes, depth)}),
				});
			const value = median(measured.map(({ours}) => ours));
			const theirs = measured.flatMap(each => each.theirs ?? []);
			const other = theirs.length > 0 ? median(theirs) : undefined;
			const what = `vhost-user-blk without a VM, ${bytes / 1024} KiB, ${depth} at once`;
			figures.push(figure(what, value, 'qemu-storage-daemon', other));
		}
		const drive = `if=none,id=own,file=${file},format=raw,readonly=on,cache=none`;
		const device = 'virtio-blk-pci,drive=own,num-queues=1,queue-size=128';
		const {until, shell} = bootLinux(t, guest, served, ['-drive', drive, '-device', device]);
		await until('ready 0');
		await shell('dmesg -n 1');
		// The one that dmascope serves has a serial number of bhyve's.
		const [ours] = await shell('grep -l BHYVE /sys/block/vd*/serial | cut -d / -f 4');
		const theirs = ours === 'vda' ? 'vdb' : 'vda';
		const read = async (disk: string) => {
			const time = 'cut -d " " -f 1 /proc/uptime';
			const dd = `dd if=/dev/${disk} of=/dev/null bs=4096 count=${GUEST_READS} iflag=direct 2>/dev/null`;
			const [start, end] = (await shell(`${time}; ${dd}; ${time}`)).map(Number);
			return GUEST_READS / (end - start);
		};
		await read(ours);
		await read(theirs);
		const rounds: [number, number][] = [];
		for (let i = 0; i < ROUNDS; i++) rounds.push([await read(ours), await read(theirs)]);
		const [value, other] = [0, 1].map(i => median(rounds.map(round => round[i])));
		figures.push(figure('reads of 4 KiB by a Linux guest (tcg)', value, 'QEMU’s own virtio-blk', other));
		return figures;
	} finally {
		for (const end of ends) await end();
	}
}

const figure = (what: string, value: number, beside: string, other?: number): VhostFigure => ({
	...{what, value: Math.round(value), unit: 'requests/s', beside},
	...(other === undefined ? {} : {other: Math.round(other), ratio: Number((value / other).toFixed(2))}),
});

const load = (socket: string, bytes: number, depth: number): number =>
	Number(
		execFileSync(process.execPath, ['--import', 'tsx', LOAD, socket, `${bytes}`, `${depth}`, `${LOAD_MS}`], {
			encoding: 'utf8',
		}),
	);

async function serve(t: Ends, file: string): Promise<string> {
	const socket = path.join(folder(t), 'disk.sock');
	return start(
		t,
		process.execPath,
		[CLI, 'serve', socket, '--disk', file, '--policy', 'keep', '--json'],
		socket,
	);
}

async function storageDaemon(t: Ends, file: string): Promise<string | undefined> {
	const socket = path.join(folder(t), 'daemon.sock');
	try {
		execFileSync('qemu-storage-daemon', ['--version']);
	} catch {
		return undefined;
	}
	const node = `file,node-name=disk,filename=${file},cache.direct=on,read-only=on`;
	const server = `vhost-user-blk,id=e,node-name=disk,addr.type=unix,addr.path=${socket}`;
	return start(t, 'qemu-storage-daemon', ['--blockdev', node, '--export', server], socket);
}

async function start(t: Ends, program: string, args: readonly string[], socket: string): Promise<string> {
	const child = spawn(program, [...args], {stdio: 'ignore'});
	t.after(() => child.kill());
	while (!fs.existsSync(socket) && child.exitCode === null) await sleep(20);
	return socket;
}

export const vhostLines = (figures: readonly VhostFigure[] | string): string[] =>
	typeof figures === 'string'
		? [`no VM to serve a disk to: ${figures}`]
		: figures.map(({what, value, unit, beside, other, ratio}) => {
				const left = `${what.padEnd(50)}${value.toLocaleString('en').padStart(8)} ${unit}`;
				return other === undefined
					? `${left} no ${beside} to compare with`
					: `${left}  ${beside} ${other.toLocaleString('en')}  ratio ${ratio?.toFixed(2)}`;
			});
