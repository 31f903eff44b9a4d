// npm run monkey [-- MINUTES [SEED [ARGUMENT…]]]: random keys on the dashboard for so long, an hour if nothing is said.
// It says how it goes each minute, and exits with 1 where something went wrong.

import {grouped} from '../source/words.js';
import {type Report, runMonkey} from './helpers/monkey.js';

const MIB = 1024 ** 2;
const [minutes = '60', seed = `${Date.now() % 1e6}`, ...args] = process.argv.slice(2);
const ends: (() => unknown)[] = [];
/** What is no growth: memory that was freed is not all given back. */
const GROWTH = 1.1;

function leastOf(resident: readonly number[], quarter: number): number {
	const length = resident.length / 4;
	const least = Math.min(...resident.slice(quarter * length, (quarter + 1) * length));
	return Math.round(least / MIB);
}

function tell({seconds, events, compared, left, slowest, resident, renewed, wrong}: Report): void {
	const memory = resident.at(-1) ?? 0;
	console.log(
		[
			`${(seconds / 60).toFixed(1).padStart(5)} min`,
			`${grouped(events)} events`,
			`${grouped(compared)} screens compared`,
			`${left} times left and started`,
			`${renewed} times another terminal`,
			`^L answered within ${Math.round(slowest)} ms`,
			`${Math.round(memory / MIB)} MiB`,
			`${wrong.length} wrong`,
		].join(', '),
	);
}

console.log(`seed ${seed}`);
try {
	const report = await runMonkey(
		{after: end => void ends.push(end)},
		{seconds: 60 * Number(minutes), seed: Number(seed), args, tell},
	);
	tell(report);
	const [second, last] = [1, 3].map(quarter => leastOf(report.resident, quarter));
	console.log(`memory at its least: second quarter ${second} MiB, last quarter ${last} MiB`);
	// A few minutes are all beginning.
	if (report.resident.length > 1800 && last > second * GROWTH) report.wrong.push('it grows');
	for (const each of report.wrong) console.log(`\n${each}`);
	process.exitCode = report.wrong.length > 0 ? 1 : 0;
} finally {
	for (const end of ends.reverse()) await end();
}
