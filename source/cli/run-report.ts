// The report of dmascope run: text for people, JSON for programs. With several scenarios, each JSON line names its
// file.

import {hex} from '../formats/address.js';
import type {Command} from '../machine/command.js';
import type {Scenario, Step} from '../machine/scenario.js';
import type {OutcomeJson, RunLine} from '../outputs.js';
import {type PrintLine, versioned} from '../text/print.js';
import {grouped, partOf, plural} from '../words.js';

/** The file of a report: checked before a run that reads `inputs`, written after it. Both throw UserErrors. */
export type ReportSink = {
	check(inputs: readonly string[]): void;
	write(reports: readonly Report[], inputs: readonly string[]): void;
};

/** A scenario that was read; `name` as given on the command line. */
export type Read = {name: string; path: string; scenario: Scenario};
export type StepReport = {number: number; step: Step; outcome: OutcomeJson; unmet: readonly string[]};
export type Report = {
	read: Read;
	steps: readonly StepReport[];
	expectations: number;
	held: number;
	broken: number;
};

type Printer = {
	begin: (read: Read) => void;
	step: (read: Read, step: StepReport) => void;
	end: (report: Report) => void;
	/** After the last of several scenarios. */
	total: (reports: readonly Report[]) => void;
};

export function jsonPrinter(out: PrintLine, several: boolean): Printer {
	const print = (line: RunLine) => out(JSON.stringify(versioned(line)));
	const line = ({name}: Read, fields: RunLine) => print(several ? {file: name, ...fields} : fields);
	return {
		begin: () => {},
		step: (read, {number, step, outcome, unmet}) =>
			line(read, {
				step: number,
				note: step.note,
				command: commandJson(step.command),
				outcome,
				held: unmet.length === 0,
			}),
		end: ({read, steps, expectations, held, broken}) => {
			const summary = {scenario: read.scenario.name, steps: steps.length, expectations, held, broken};
			line(read, {summary});
		},
		total: reports => {
			if (several) print({summary: {scenarios: reports.length, ...sums(reports)}});
		},
	};
}

const commandJson = (command: Command) => ('gpa' in command ? {...command, gpa: hex(command.gpa)} : command);

export function textPrinter(out: PrintLine, several: boolean): Printer {
	return {
		begin: ({name}) => {
			if (several) out(name);
		},
		step: (_read, step) => {
			for (const text of noteLines(step.step.note)) out(text);
			out(stepText(step));
		},
		end: ({read, steps, expectations, held}) => {
			out(
				`${read.scenario.name}: ${plural(steps.length, 'step')}, ${held} of ${expectations} expectations held`,
			);
			if (several) out('');
		},
		total: reports => {
			if (!several) return;
			const {steps, expectations, held} = sums(reports);
			out(
				`${reports.length} scenarios: ${plural(steps, 'step')}, ${held} of ${expectations} expectations held`,
			);
		},
	};
}

function sums(reports: readonly Report[]) {
	const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0);
	return {
		steps: sum(({steps}) => steps.length),
		expectations: sum(({expectations}) => expectations),
		held: sum(({held}) => held),
		broken: sum(({broken}) => broken),
	};
}

const NOTE_WIDTH = 100;

/** A step's note, above the step and indented like its text. */
function noteLines(note = ''): string[] {
	const lines: string[] = [];
	for (const word of note.split(/\s+/).filter(each => each !== '')) {
		const last = lines.at(-1);
		if (last !== undefined && last.length + word.length < NOTE_WIDTH)
			lines[lines.length - 1] = `${last} ${word}`;
		else lines.push(`    ${word}`);
	}
	return lines.length > 0 ? ['', ...lines] : [];
}

function stepText({number, step, outcome, unmet}: StepReport): string {
	const start = `${`${number}`.padStart(3)} ${unmet.length === 0 ? '✓' : '✗'} ${step.text}`;
	const came = outcomeText(outcome);
	return came === '' ? start : `${start.padEnd(52)} ${came}`;
}

function outcomeText(outcome: OutcomeJson): string {
	const {data, path = '', landed, bytes = 0, copied, faults = 0, pointer} = outcome;
	const {found, owner, error, domains, missing = 0} = outcome;
	if (domains !== undefined)
		return `${(error ?? 'ok').padEnd(9)} ${plural(domains, 'domain')}, ${plural(missing, 'page')} missing from the host's`;
	if (data === undefined) return '';
	const moved = copied === undefined ? '' : `, ${grouped(copied)} copied`;
	const counts = `${partOf(landed, bytes)} bytes${moved}, ${plural(faults, 'fault')}`;
	const reached = owner === 'interrupt' ? '; an interrupt' : owner ? `; memory of ${owner}` : '';
	const place = pointer === undefined ? reached : `; pointer ${pointer}`;
	return `${data.padEnd(9)} ${path.padEnd(7)} ${counts}${found === undefined ? place : `; ${found.at(-1)}`}`;
}
