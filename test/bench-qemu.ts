// What the dashboard costs a core while it looks at a QEMU: one whose guest stands still, and one whose guest reads its
// disks. Figures are of this machine at this moment: none of them is a test.

import {setTimeout as sleep} from 'node:timers/promises';
import {Qmp} from '../source/live/qemu/qmp.js';
import {CLI, type Program, startProgram} from './helpers/program.js';
import {boot, findGuest, type MachineOptions, VTD} from './helpers/qemu.js';

const SECONDS = 20;
const WARM_UP_MS = 3000;

export type QemuFigures = {what: string; stillPercent: number; readingPercent: number}[];

/** @returns a sentence where no guest can be booted */
export async function qemuFigures(): Promise<QemuFigures | string> {
	const guest = findGuest();
	if (typeof guest === 'string') return guest;
	const figures: QemuFigures = [];
	for (const shared of [true, false]) {
		const ends: (() => unknown)[] = [];
		try {
			const options: MachineOptions = {...VTD, shared};
			const {qmp: socket, other} = await boot({after: end => void ends.unshift(end)}, guest, options);
			const qmp = await Qmp.connect(socket);
			const program = startProgram({
				columns: 200,
				rows: 60,
				file: process.execPath,
				args: [CLI, 'qemu', other],
				env: {COLORTERM: ''},
			});
			ends.unshift(
				() => program.close(),
				() => qmp.close(),
			);
			await program.until('nvme0');
			const readingPercent = await cpuPercent(program);
			await qmp.execute('stop');
			const stillPercent = await cpuPercent(program);
			const what = shared ? 'memory read in place' : 'memory read through the monitor';
			figures.push({what, stillPercent, readingPercent});
		} finally {
			for (const end of ends) await end();
		}
	}
	return figures;
}

async function cpuPercent(program: Program): Promise<number> {
	await sleep(WARM_UP_MS);
	const before = program.cpuMs();
	await sleep(SECONDS * 1000);
	return (program.cpuMs() - before) / 10 / SECONDS;
}

export function qemuLines(figures: QemuFigures | string): string[] {
	if (typeof figures === 'string') return [`no QEMU to look at: ${figures}`];
	return figures.map(
		({what, stillPercent, readingPercent}) =>
			`dashboard over QEMU, ${what}: ${stillPercent.toFixed(2)} % of a core while the guest stands still, ` +
			`${readingPercent.toFixed(2)} % while it reads its disks`,
	);
}
