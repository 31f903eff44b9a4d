// How fast dmascope decode reads a log, beside grep for the same words; part of npm run bench. The log is made for it:
// -- --log MEGABYTES says how large.

import {spawn, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {seededRandom} from '../source/lab/build/random.js';
import {CLI} from './helpers/program.js';

const MIB = 1024 ** 2;
const DEFAULT_MIB = 256;
const ROUNDS = 3;
/** The words of the faults that are in the log. */
const GREP = 'DMAR|AMD-Vi';

export type DecodeFigure = {
	what: string;
	value: number;
	unit: 'MiB/s' | 'MiB';
	beside: string;
	other?: number;
	ratio?: number;
};

const CHATTER = [
	'audit: type=1400 audit(1700000000.123:456): apparmor="DENIED" operation="open" profile="snap.firefox"',
	'usb 1-1: new high-speed USB device number 5 using xhci_hcd',
	'EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.',
	'IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready',
	'nvme 0000:01:00.0: I/O 12 QID 3 timeout, completion polled',
	'e1000e 0000:00:1f.6 eno1: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx',
	'CPU3: Core temperature above threshold, cpu clock throttled (total events = 12345)',
	'perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate to 79750',
];

/** One line in `every` is a fault, and no two of them at the same address. */
function makeLog(file: string, bytes: number, every: number): void {
	const random = seededRandom(1);
	const out = fs.openSync(file, 'w');
	for (let written = 0, i = 0; written < bytes; ) {
		const lines: string[] = [];
		for (let length = 0; length < MIB; i++) {
			const fault = `DMAR: [DMA Read NO_PASID] Request device [3b:00.${i & 1}] fault addr 0x${(i * 4096).toString(16)} [fault reason 0x06] PTE Read access is not set`;
			const message = i % every === 0 ? fault : CHATTER[Math.floor(random() * CHATTER.length)];
			const line = `Nov 22 12:00:00 host kernel: [${(i / 100).toFixed(6).padStart(12)}] ${message}\n`;
			lines.push(line);
			length += line.length;
		}
		written += fs.writeSync(out, lines.join(''));
	}
	fs.closeSync(out);
}

/** Seconds of a run, and the most memory that it held, in bytes. */
function decoded(file: string): Promise<{seconds: number; peak: number}> {
	const start = performance.now();
	const child = spawn(process.execPath, [CLI, 'decode', '--json', file], {stdio: 'ignore'});
	let peak = 0;
	const watch = setInterval(() => {
		try {
			const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
			peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
		} catch {
			// It is through, or there is no /proc.
		}
	}, 20);
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', () => {
			clearInterval(watch);
			resolve({seconds: (performance.now() - start) / 1000, peak});
		});
	});
}

function grepped(file: string): number | undefined {
	const start = performance.now();
	const {error} = spawnSync('grep', ['-acE', GREP, file], {env: {...process.env, LC_ALL: 'C'}});
	return error === undefined ? (performance.now() - start) / 1000 : undefined;
}

async function figuresOf(what: string, megabytes: number, every: number): Promise<DecodeFigure[]> {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-bench-'));
	const file = path.join(folder, 'kern.log');
	try {
		makeLog(file, megabytes * MIB, every);
		const ours: {seconds: number; peak: number}[] = [];
		const theirs: (number | undefined)[] = [];
		// In turn, so that a busy moment of the machine hits both alike. The file is in the page cache.
		for (let round = 0; round < ROUNDS; round++) {
			ours.push(await decoded(file));
			theirs.push(grepped(file));
		}
		const size = fs.statSync(file).size / MIB;
		const value = size / Math.min(...ours.map(({seconds}) => seconds));
		const other = theirs.includes(undefined) ? undefined : size / Math.min(...theirs.map(Number));
		const peak = Math.max(...ours.map(each => each.peak)) / MIB;
		return [
			{
				what,
				value,
				unit: 'MiB/s',
				beside: 'grep -cE',
				other,
				ratio: other === undefined ? undefined : value / other,
			},
			{
				what: '    resident memory, at most',
				value: peak,
				unit: 'MiB',
				beside: 'limit',
				other: 150,
				ratio: peak / 150,
			},
		];
	} finally {
		fs.rmSync(folder, {recursive: true});
	}
}

export async function decodeFigures(args: readonly string[]): Promise<DecodeFigure[]> {
	const at = args.indexOf('--log');
	const megabytes = at < 0 ? DEFAULT_MIB : Number(args[at + 1]);
	if (!Number.isInteger(megabytes) || megabytes < 1) throw new Error('--log takes a number of megabytes');
	return [
		...(await figuresOf(`decode: ${megabytes} MiB of log, a fault in 1,000 lines`, megabytes, 1000)),
		// Of nothing but faults, an eighth: the worst there is.
		...(await figuresOf('decode: a log of faults alone', Math.ceil(megabytes / 8), 1)),
	];
}
