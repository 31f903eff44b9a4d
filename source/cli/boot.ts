// dmascope boot: starts a QEMU, and is its disk.

import {setTimeout as sleep} from 'node:timers/promises';
import {Disk} from '../hardware/disk.js';
import {bootDisk} from '../lab/build/sample-disk.js';
import type {DiskInfo} from '../lab/build/state.js';
import type {LiveGuest} from '../live/guest/guest.js';
import type {Booted, Served} from '../live/guest/open.js';
import type {BootReportJson} from '../outputs.js';
import {jsonLines, type Print, versioned} from '../text/print.js';
import type {DisplayFlags} from '../ui/display-flags.js';
import {UserError} from '../user-error.js';
import {checkDisplay, exitOnSignals, onTerminal} from './dashboard.js';
import {displayFlags, type Given, labFlags} from './flags.js';
import {defaultMachine, type LabFlags, machineOf} from './open-lab.js';

/** A guest whose console says nothing for so long, and that does next to nothing meanwhile, has come to its end. */
const QUIET_MS = 3000;
const IDLE_MS = 300;
const CHECK_MS = 100;
const USUAL_LIMIT_MS = 60_000;

const clock = (): string => new Date().toLocaleTimeString();

/** dmascope boot. @returns the exit code @throws UserError */
export async function boot(given: Given, out: Print): Promise<number> {
	const json = given.has('json');
	const interactive = onTerminal() && !json;
	const look = displayFlags(given);
	if (!interactive) await checkDisplay(look);
	const limit = given.text('for') === undefined ? USUAL_LIMIT_MS : parseTime(given.text('for') ?? '');
	const memory = parseMemory(given.text('memory') ?? '256M');
	const accel = parseAccel(given.text('accel') ?? 'tcg');
	for (const name of ['initrd', 'append'] as const)
		if (given.has(name) && !given.has('kernel')) throw new UserError(`--${name} needs --kernel.`);
	const machine = machineOf(labFlags(given), defaultMachine({writable: false}));
	exitOnSignals();
	const {bootGuest} = await import('../live/guest/open.js');
	const served = bootGuest({
		disk: openGuestDisk(labFlags(given)),
		policy: machine.policy,
		iommu: machine.iommu,
		asks: !given.has('yes'),
		qemu: given.text('qemu') ?? 'qemu-system-x86_64',
		...{memory, accel, clock},
		viommu: given.has('viommu'),
		kernel: given.text('kernel'),
		initrd: given.text('initrd'),
		append: given.text('append'),
	});
	return interactive ? show(served, look) : watchConsole(served, {json, limit}, out);
}

async function show(served: Served, look: DisplayFlags): Promise<number> {
	try {
		const {dashboard} = await import('../ui/dashboard.js');
		return await dashboard(served.guest, look);
	} finally {
		served.close();
	}
}

/** Without a terminal: until the console is quiet, or for so long at most. */
async function watchConsole(
	{guest, cpuMs, close}: Booted,
	{json, limit}: {json: boolean; limit: number},
	out: Print,
): Promise<number> {
	try {
		const start = performance.now();
		let [last, heard, worked] = ['', start, 0];
		for (;;) {
			await sleep(CHECK_MS);
			const {lost, vms, tally} = guest.state();
			const now = performance.now();
			const seen = JSON.stringify([vms[0]?.console, tally]);
			const cpu = cpuMs();
			if (seen !== last || cpu - worked > IDLE_MS) [last, heard, worked] = [seen, now, cpu];
			const said = (vms[0]?.console.length ?? 0) > 0;
			if (lost !== undefined && !said) throw new UserError(lost.why);
			if (lost !== undefined || now - start > limit || (said && now - heard > QUIET_MS)) break;
		}
		out(json ? jsonLines(versioned(reportOf(guest))) : reportLines(guest));
		return 0;
	} finally {
		close();
	}
}

function reportOf(guest: LiveGuest): BootReportJson {
	const {policy = 'remove', vms, tally, faultLog, lost} = guest.state();
	return {
		policy,
		console: vms[0]?.console ?? [],
		transfers: tally,
		faults: faultLog.blocked ?? 0,
		...(lost === undefined ? {} : {ended: lost.why}),
	};
}

function reportLines(guest: LiveGuest): string[] {
	const {policy, console: lines, transfers, faults, ended} = reportOf(guest);
	const counts = Object.entries(transfers).flatMap(([word, count]) =>
		count > 0 ? [`${count} ${word}`] : [],
	);
	return [
		...lines,
		'',
		`Under ${policy}: ${counts.join(', ') || 'no transfer'}; ${faults} faults.`,
		...(ended === undefined ? [] : [ended]),
	];
}

/** The disk that is served. Without --disk it is one with a boot sector of ours. @throws UserError */
export function openGuestDisk({disk: path, writable, overlay}: LabFlags): DiskInfo {
	if (path === undefined) return {disk: Disk.open(bootDisk(), {overlay: writable || overlay}), sample: true};
	return {disk: Disk.open(path, {writable, overlay}), sample: false};
}

function parseTime(text: string): number {
	const [, digits, unit] = /^(\d+)(s|min)?$/.exec(text) ?? [];
	const seconds = Number(digits) * (unit === 'min' ? 60 : 1);
	if (!(seconds >= 1 && seconds <= 86_400))
		throw new UserError(`--for ${text} is not a time from 1s to 1440min; write 60s or 2min.`);
	return seconds * 1000;
}

/** As QEMU takes it. */
function parseMemory(text: string): string {
	const [, digits, unit] = /^(\d+)([MG])$/.exec(text) ?? [];
	const mib = Number(digits) * (unit === 'G' ? 1024 : 1);
	if (!(mib >= 16 && mib <= 65_536))
		throw new UserError(`--memory ${text} is not a size from 16M to 64G; write 256M or 2G.`);
	return text;
}

function parseAccel(text: string): 'tcg' | 'kvm' {
	if (text === 'tcg' || text === 'kvm') return text;
	throw new UserError(`Unknown accelerator ${text}; use tcg or kvm.`);
}
