// npm run bench [-- --json] [--log MEGABYTES] [--soak SECONDS]: how fast the lab is, and what the dashboard costs, each figure beside
// what it is compared with; with --soak, its memory over so long too. Timings are of this machine at this moment: none
// of them is a test.

import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import {parseArgs} from 'node:util';
import {PAGE_SIZE, SECTOR} from '../source/formats/address.js';
import {REG} from '../source/formats/vtd.js';
import {Disk} from '../source/hardware/disk.js';
import {Vtd} from '../source/hardware/vtd.js';
import {VtdWalk} from '../source/hardware/vtd-walk.js';
import {switchPolicy} from '../source/lab/build/changes.js';
import {Machine} from '../source/lab/build/machine.js';
import {seededRandom} from '../source/lab/build/random.js';
import {sampleDisk} from '../source/lab/build/sample-disk.js';
import {defaultSpec} from '../source/lab/build/spec.js';
import {Lab} from '../source/lab/lab.js';
import type {Family, MachineSpec} from '../source/machine/command.js';
import {decodeFigures} from './bench-decode.js';
import {growthFigures, growthLines} from './bench-growth.js';
import {screenFigures, screenLines, soak, soakLines} from './bench-screen.js';
import {vhostFigures, vhostLines} from './bench-vhost.js';
import {play} from './helpers/session.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const ROUNDS = 5;
/** Reads go from the disk's start to here, and begin again. */
const SPAN = 48 * MIB;
const GPA = 0x1000000;
const RID = 0xfa;
const STEPS = 10_000;
const TRAFFIC_MINUTES = 4;
const NO_FIO = 'no fio to compare with: install it';

type Figure = {
	what: string;
	value: number;
	unit: 'M/s' | 'MiB/s' | 'ms' | 'MiB';
	/** What it is compared with; `other` and `ratio` are undefined where that is not to be had. */
	beside: string;
	other?: number;
	ratio?: number;
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];
const milliseconds = (work: () => void): number => {
	const start = performance.now();
	work();
	return performance.now() - start;
};

/** In turn, round after round, so that a busy moment of the machine hits all alike. @returns each one's medians */
function inTurn<T>(works: readonly T[], measure: (work: T) => number): number[] {
	const rounds = Array.from({length: ROUNDS}, () => works.map(measure));
	return works.map((_, i) => median(rounds.map(round => round[i])));
}

/** Millions of calls a second. `work` makes a thousand: short enough for V8 to optimise it as it does others. */
function rate(work: () => void): number {
	const batch = () => milliseconds(() => Array.from({length: 500}, work));
	for (let i = 0; i < 4; i++) batch();
	return 500 / median(Array.from({length: 41}, batch));
}

function translation(): Figure[] {
	const {family, memory} = withDisk({}, {}, machine => machine);
	const vtd = family.unit;
	if (!(vtd instanceof Vtd)) throw new Error('no VT-d');
	const random = seededRandom(1);
	const anywhere = Array.from({length: 65536}, () => Math.floor(random() * 65536) * PAGE_SIZE);
	const hostAddressWidth = 46;
	const [capLo, capHi, ecapLo] = [vtd.read32(REG.CAP), vtd.read32(REG.CAP + 4), vtd.read32(REG.ECAP)];
	const walk = new VtdWalk(memory, {capLo, capHi, ecapLo, hostAddressWidth});
	const [rootLow, rootSlot] = [vtd.read32(REG.RTADDR), vtd.read32(REG.RTADDR + 4)];
	let start = 0;
	const walks = rate(() => {
		let answers = 0;
		for (let i = start; i < start + 1000; i++) {
			answers |= walk.context(rootSlot, rootLow, RID);
			answers |= walk.tables(walk.slot, walk.low, walk.levels, anywhere[i & 65535], 0, true);
		}
		start += 1000;
		if (answers < 0) throw new Error('a walk was refused');
	});
	// The 512 pages of a buffer of 2 MiB, one after the other: all of them stay in the IOTLB.
	const hits = rate(() => {
		let answers = 0;
		for (let i = 0; i < 1000; i++) answers |= vtd.translate(RID, GPA + (i & 511) * PAGE_SIZE, true);
		if (answers < 0) throw new Error('a translation was refused');
	});
	return [
		compared('VT-d: full walks, root to leaf, all checks', walks, 'M/s', 'aim', 20),
		compared('VT-d: IOTLB hits', hits, 'M/s', 'aim', 100),
		compared('AMD-Vi: IOTLB hits', amdviHits(), 'M/s', 'aim', 100),
	];
}

function amdviHits(): number {
	const {translator} = withDisk({iommu: 'amd-vi'}, {}, machine => machine.family);
	return rate(() => {
		let answers = 0;
		for (let i = 0; i < 1000; i++) answers |= translator.translate(RID, GPA + (i & 511) * PAGE_SIZE, true);
		if (answers < 0) throw new Error('a translation was refused');
	});
}

function compared(what: string, value: number, unit: Figure['unit'], beside: string, other?: number): Figure {
	return {what, value, unit, beside, other, ratio: other === undefined ? undefined : value / other};
}

function withDisk<T>(
	parts: Partial<MachineSpec>,
	options: {direct?: boolean},
	use: (machine: Machine, disk: Disk) => T,
): T {
	const disk = Disk.open(sampleDisk(), options);
	try {
		return use(new Machine({...defaultSpec(256 * MIB), policy: 'keep', ...parts}, disk), disk);
	} finally {
		disk.close();
	}
}

/** Reads one after the other, as many as make `total` bytes: MiB a second. */
function sequential(bytes: number, total: number, read: (offset: number) => void): number {
	const count = total / bytes;
	const took = milliseconds(() => {
		for (let i = 0; i < count; i++) read((i * bytes) % SPAN);
	});
	return total / MIB / (took / 1000);
}

/** The whole path, ring to completion. */
function byLab({guests: [{disk}]}: Machine, bytes: number): (offset: number) => void {
	const segments = [{gpa: GPA, bytes}];
	return offset => {
		const answer = disk.request({op: 'read', sector: offset / SECTOR, segments, sectors: bytes / SECTOR});
		if (!answer?.ok) throw new Error('a read failed');
	};
}

/** preadv alone, into the same pages: the most that Node can do. */
function byNode({memory, guests: [{vm}]}: Machine, disk: Disk, bytes: number): (offset: number) => void {
	const views = vm.map.runs(GPA, bytes).map(run => memory.view(run.hpa, run.bytes));
	const fd = disk.directFd ?? disk.fd;
	return offset => {
		if (fs.readvSync(fd, views, offset) !== bytes) throw new Error('a read was short');
	};
}

/** The same reads by fio's psync engine, without its clocks; NaN where there is no fio. */
function byFio(bytes: number, total: number, direct: boolean): number {
	const job = ['--name=bench', '--ioengine=psync', '--rw=read', '--readonly', '--gtod_reduce=1'];
	const memory = ['--iomem=mmap', '--iomem_align=4096', '--invalidate=0', `--direct=${Number(direct)}`];
	const amount = [`--bs=${bytes}`, `--size=${SPAN}`, `--io_size=${total}`, `--filename=${sampleDisk()}`];
	const {jobs} = JSON.parse(fio([...job, ...memory, ...amount, '--output-format=json']) ?? '{}');
	return jobs === undefined ? Number.NaN : jobs[0].read.bw_bytes / MIB;
}

function fio(args: readonly string[]): string | undefined {
	try {
		return execFileSync('fio', args, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
	} catch {
		return undefined;
	}
}

function reads(): Figure[] {
	const cases: [bytes: number, direct: boolean, total: number][] = [
		[4096, true, 16 * MIB],
		[65536, true, 128 * MIB],
		[MIB, true, 256 * MIB],
		[65536, false, GIB],
		[MIB, false, GIB],
	];
	return cases.flatMap(([bytes, direct, total]) =>
		withDisk({}, {direct}, (machine, disk) => {
			const lab = byLab(machine, bytes);
			const node = byNode(machine, disk, bytes);
			const paths = [
				() => sequential(bytes, total, lab),
				() => sequential(bytes, total, node),
				() => byFio(bytes, total, direct),
			];
			// Optimised, and the memory and the page cache touched.
			sequential(bytes, SPAN, lab);
			sequential(bytes, SPAN, node);
			const [ours, floor, theirs] = inTurn(paths, path => path());
			const other = Number.isNaN(theirs) ? undefined : theirs;
			const beside = other === undefined ? NO_FIO : 'fio psync';
			const what = `${bytes / 1024} KiB, ${disk.direct ? 'O_DIRECT' : 'page cache'}`;
			return [
				compared(`raw read, ${what}`, ours, 'MiB/s', beside, other),
				compared('    preadv by Node alone', floor, 'MiB/s', beside, other),
			];
		}),
	);
}

function bounced(): Figure {
	return withDisk({policy: 'bounce'}, {direct: false}, bouncing =>
		withDisk({}, {direct: false}, keeping => {
			const paths = [byLab(bouncing, MIB), byLab(keeping, MIB)];
			for (const path of paths) sequential(MIB, SPAN, path);
			const [bounce, keep] = inTurn(paths, path => sequential(MIB, GIB, path));
			return compared('bounced reads of 1 MiB, one copy more a byte', bounce, 'MiB/s', 'direct', keep);
		}),
	);
}

function tables(iommu: Family): Figure[] {
	const disk = Disk.open(sampleDisk());
	let machine: Machine | undefined;
	const start = milliseconds(() => {
		machine = new Machine({...defaultSpec(64 * GIB), iommu, policy: 'keep'}, disk);
	});
	if (machine === undefined) throw new Error('no machine');
	const built = machine;
	const rebind = milliseconds(() => switchPolicy(built, 'remove'));
	disk.close();
	const resident = process.memoryUsage().rss / MIB;
	return [
		compared(`${iommu}: start with 64 GiB, guests of 16 GiB`, start, 'ms', 'limit', 1500),
		compared(`${iommu}: policy switch of a 16 GiB guest`, rebind, 'ms', 'limit', 500),
		compared('resident memory then', resident, 'MiB', 'limit', 500),
	];
}

/** A session of every kind of command, and jumps to anywhere in it: nothing of it is to be forgotten. */
function timeTravel(): Figure[] {
	const lab = new Lab(defaultSpec(256 * MIB), {disk: Disk.open(sampleDisk(), {overlay: true}), sample: true});
	const history = lab.keepHistory(() => performance.now(), GIB);
	const random = seededRandom(1);
	play(lab, random, STEPS);
	const jumps = Array.from({length: 41}, () => {
		const to = Math.floor(random() * STEPS);
		return milliseconds(() => {
			history.go(to);
			lab.state();
		});
	});
	const back = Array.from({length: 41}, () => milliseconds(() => void history.go(history.at - 1)));
	lab.close();
	const steps = `${(STEPS - history.first).toLocaleString('en')} steps`;
	return [
		...keptOfTraffic(),
		compared(`a jump among ${steps}, median`, median(jumps), 'ms', 'limit', 200),
		compared('the longest of 41', Math.max(...jumps), 'ms', 'limit', 200),
		compared('one step back, median', median(back), 'ms', 'limit', 200),
	];
}

/** Memory of a session at 1,000 requests a second, a quarter of them writes, before and after it is full. */
function keptOfTraffic(): Figure[] {
	const lab = new Lab(defaultSpec(256 * MIB), {disk: Disk.open(sampleDisk(), {overlay: true}), sample: true});
	const history = lab.keepHistory(() => performance.now());
	lab.workload.start({rate: 1000, writes: 25});
	const resident: number[] = [];
	let most = 0;
	for (let minute = 0; minute < TRAFFIC_MINUTES; minute++) {
		for (let tick = 0; tick < 600; tick++) {
			lab.workload.tick(100);
			most = Math.max(most, history.bytes / MIB);
		}
		resident.push(process.memoryUsage().rss / MIB);
	}
	lab.close();
	return [
		compared(`a session of ${TRAFFIC_MINUTES} minutes at 1,000 requests/s`, most, 'MiB', 'limit', 256),
		compared('    resident memory after it', resident.at(-1) ?? 0, 'MiB', 'after 2 min', resident[1]),
	];
}

function host() {
	const cpus = os.cpus();
	return {
		cpu: cpus[0]?.model ?? 'unknown CPU',
		cores: cpus.length,
		node: process.version,
		kernel: `${os.type()} ${os.release()}`,
		fio: fio(['--version'])?.trim(),
	};
}

const figure = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

function line({what, value, unit, beside, other, ratio}: Figure): string {
	const left = `${what.padEnd(46)}${figure(value).padStart(8)} ${unit.padEnd(6)}`;
	if (other === undefined || ratio === undefined) return `${left} ${beside}`;
	return `${left} ${beside.padEnd(10)}${figure(other).padStart(8)} ${unit.padEnd(6)} ratio ${ratio.toFixed(2)}`;
}

const {values: wish} = parseArgs({
	options: {json: {type: 'boolean'}, soak: {type: 'string'}, log: {type: 'string'}},
});
const print = (lines: readonly string[]) => {
	if (!wish.json) console.log(lines.join('\n'));
};
const machine = host();
const {cpu, cores, node, kernel, fio: fioVersion = NO_FIO} = machine;
print([`${cpu}, ${cores} cores, Node ${node}, ${kernel}, ${fioVersion}`]);
const figures: Figure[] = [
	...tables('vt-d'),
	...tables('amd-vi'),
	...translation(),
	...reads(),
	bounced(),
	...timeTravel(),
	...(await decodeFigures(process.argv)),
];
print(figures.map(line));
const growth = growthFigures();
print(growthLines(growth));
const screen = await screenFigures();
print(screenLines(screen));
const vhost = await vhostFigures();
print(vhostLines(vhost));
const memory = wish.soak === undefined ? undefined : await soak(Number(wish.soak));
if (memory) print(soakLines(memory));
if (wish.json)
	console.log(JSON.stringify({machine, figures, growth, screen, vhost, soak: memory}, undefined, '\t'));
