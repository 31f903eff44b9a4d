// npm run bench [-- --json]: how fast the lab is, each figure beside what it is compared with. Timings are of this
// machine at this moment: none of them is a test.

import {execFileSync} from 'node:child_process';
import {PAGE_SIZE, SECTOR} from '../source/formats/address.js';
import {REG} from '../source/formats/vtd.js';
import {Disk} from '../source/hardware/disk.js';
import {VtdWalk} from '../source/hardware/vtd-walk.js';
import {Machine} from '../source/lab/machine.js';
import {seededRandom} from '../source/lab/random.js';
import {sampleDisk} from '../source/lab/sample-disk.js';
import {defaultSpec} from '../source/lab/spec.js';
import type {Policy} from '../source/seam/command.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const ROUNDS = 3;

type Figure = {what: string; value: number; unit: string; beside: string; other?: number};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1];
const milliseconds = (work: () => void): number => {
	const start = performance.now();
	work();
	return performance.now() - start;
};

/** Millions of calls a second, after a warm-up. */
function rate(work: (times: number) => void): number {
	const times = 5e6;
	work(times / 5);
	return times / 1000 / median(Array.from({length: ROUNDS}, () => milliseconds(() => work(times))));
}

function translation(): Figure[] {
	const {vtd, memory} = withDisk('keep', {}, machine => machine);
	const random = seededRandom(1);
	const rid = 0xfa;
	const iovas = Array.from({length: 65536}, () => Math.floor(random() * 65536) * PAGE_SIZE);
	const cap = {capLo: vtd.read32(REG.CAP), capHi: vtd.read32(REG.CAP + 4), ecapLo: vtd.read32(REG.ECAP)};
	const walk = new VtdWalk(memory, {...cap, hostAddressWidth: 46});
	const root = vtd.read32(REG.RTADDR);
	let sum = 0;
	const walks = rate(times => {
		for (let i = 0; i < times; i++) {
			walk.context(0, root, rid);
			sum += walk.tables(walk.slot, walk.low, walk.levels, iovas[i & 65535], true);
		}
	});
	const hits = rate(times => {
		for (let i = 0; i < times; i++) sum += vtd.translate(rid, iovas[i & 511], true);
	});
	if (Number.isNaN(sum)) throw new Error('a walk gave no number');
	return [
		{what: 'full walks, 4 levels, all checks', value: walks, unit: 'M/s', beside: 'aim', other: 20},
		{what: 'IOTLB hits', value: hits, unit: 'M/s', beside: 'aim', other: 100},
	];
}

function withDisk<T>(policy: Policy, options: {direct?: boolean}, use: (machine: Machine) => T): T {
	const disk = Disk.open(sampleDisk(), options);
	try {
		return use(new Machine({...defaultSpec(256 * MIB), policy}, disk));
	} finally {
		disk.close();
	}
}

/** Sequential reads of a size through the whole path, ring to completion, for about a second: MiB a second. */
function labReads(machine: Machine, bytes: number): number {
	const {driver} = machine.guests[0];
	const segment = [{gpa: 0x1000000, bytes}];
	const sectors = bytes / SECTOR;
	const limit = (48 * MIB) / SECTOR - sectors;
	const start = performance.now();
	let lba = 0;
	let count = 0;
	while (performance.now() - start < 1000) {
		for (let i = 0; i < 16; i++) {
			const answer = driver.request({op: 'read', sector: lba, segments: segment, sectors});
			if (answer?.ok !== true) throw new Error('a read failed');
			lba = lba + sectors > limit ? 0 : lba + sectors;
			count++;
		}
	}
	return (count * bytes) / MIB / ((performance.now() - start) / 1000);
}

/** The same by fio with its psync engine; undefined where fio is not installed. */
function fioReads(file: string, bytes: number, direct: boolean): number | undefined {
	const args = [
		'--name=bench',
		'--ioengine=psync',
		'--rw=read',
		`--bs=${bytes}`,
		`--direct=${direct ? 1 : 0}`,
		'--size=48M',
	];
	const limits = [
		'--time_based',
		'--runtime=1',
		'--invalidate=0',
		'--output-format=json',
		'--readonly',
		`--filename=${file}`,
	];
	try {
		const {jobs} = JSON.parse(
			execFileSync('fio', [...args, ...limits], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}),
		);
		return jobs[0].read.bw_bytes / MIB;
	} catch {
		return undefined;
	}
}

function reads(): Figure[] {
	const cases: [bytes: number, direct: boolean][] = [
		[4096, true],
		[65536, true],
		[MIB, true],
		[65536, false],
		[MIB, false],
	];
	return cases.map(([bytes, direct]) =>
		withDisk('keep', {direct}, machine => {
			labReads(machine, bytes);
			const rounds = Array.from({length: ROUNDS}, () => [
				labReads(machine, bytes),
				fioReads(sampleDisk(), bytes, direct),
			]);
			const other = rounds.flatMap(([, fio]) => (fio === undefined ? [] : [fio]));
			return {
				what: `raw read of ${bytes / 1024} KiB, ${direct ? 'O_DIRECT' : 'page cache'}`,
				value: median(rounds.map(([lab]) => lab ?? 0)),
				unit: 'MiB/s',
				beside: other.length > 0 ? 'fio psync' : 'fio is not installed',
				other: other.length > 0 ? median(other) : undefined,
			};
		}),
	);
}

function bounced(): Figure[] {
	const speed = (policy: Policy) => withDisk(policy, {direct: false}, machine => labReads(machine, MIB));
	const [bounce, keep] = [speed('bounce'), speed('keep')];
	return [
		{
			what: 'bounced reads of 1 MiB, one copy more a byte',
			value: bounce,
			unit: 'MiB/s',
			beside: 'direct',
			other: keep,
		},
	];
}

function tables(): Figure[] {
	const disk = Disk.open(sampleDisk());
	let machine: Machine | undefined;
	const start = milliseconds(() => {
		machine = new Machine(64 * GIB, disk, 'keep');
	});
	const vmm = machine?.vmm;
	const vm = machine?.guests[0].vm;
	if (vmm === undefined || vm === undefined) throw new Error('no machine');
	const rebind = milliseconds(() => {
		const rids = vmm.reinit(vm);
		vmm.removesFromHost = true;
		for (const rid of rids) vmm.bind(vm, rid);
	});
	disk.close();
	return [
		{what: 'start with 64 GiB, guests of 16 GiB', value: start, unit: 'ms', beside: 'limit', other: 1500},
		{what: 'policy switch of a 16 GiB guest', value: rebind, unit: 'ms', beside: 'limit', other: 500},
		{
			what: 'resident memory then',
			value: process.memoryUsage().rss / MIB,
			unit: 'MiB',
			beside: 'limit',
			other: 500,
		},
	];
}

const figures = [...tables(), ...translation(), ...reads(), ...bounced()];
if (process.argv.includes('--json')) console.log(JSON.stringify(figures, undefined, '\t'));
else {
	for (const {what, value, unit, beside, other} of figures) {
		const compared =
			other === undefined
				? beside
				: `${beside} ${other.toFixed(other < 100 ? 1 : 0)} ${unit}, ratio ${(value / other).toFixed(2)}`;
		console.log(
			`${what.padEnd(46)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)} ${unit.padEnd(6)} ${compared}`,
		);
	}
}
