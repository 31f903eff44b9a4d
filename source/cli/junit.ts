// The result of a run as JUnit XML for CI systems: a suite per scenario and a case per step. It omits times, so that
// the same run gives the same bytes.

import {checkNew, createNew, type FileId, type FileKind, type NewOptions} from '../files.js';
import {UNPRINTABLE} from '../printable.js';
import type {Report, ReportSink} from './run-report.js';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="dmascope" ';
const REPORT: FileKind = {
	name: 'a report of dmascope',
	matches: beginning => beginning.toString('latin1').startsWith(HEAD),
};

/** The file of a report. Under --watch, each run replaces the report of the run before. */
export class ReportFile implements ReportSink {
	private earlier: FileId | undefined;

	/** `force`: replace an existing report. */
	constructor(
		private readonly path: string,
		private readonly force = false,
	) {}

	/** Before a run that reads `inputs`. @throws UserError if the report could not be written after it */
	check(inputs: readonly string[]): void {
		checkNew(this.path, this.options(inputs));
	}

	/** @throws UserError */
	write(reports: readonly Report[], inputs: readonly string[]): void {
		this.writeText(junitText(reports), inputs);
	}

	/** A report of something else. @throws UserError */
	writeText(text: string, inputs: readonly string[]): void {
		this.earlier = createNew(this.path, text, this.options(inputs));
	}

	private options(inputs: readonly string[]): NewOptions {
		return {inputs, replaces: {kind: REPORT, force: this.force, earlier: this.earlier}};
	}
}

export function junitText(reports: readonly Report[]): string {
	const suites = reports.map(suiteOf);
	const tests = reports.reduce((sum, {steps}) => sum + steps.length, 0);
	const failures = reports.reduce((sum, {broken}) => sum + broken, 0);
	return junitPage(tests, failures, suites);
}

export const junitPage = (tests: number, failures: number, suites: readonly string[]): string =>
	`<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', {name: 'dmascope', tests, failures, errors: 0}, suites)}\n`;

function suiteOf({read, steps, broken}: Report): string {
	const {path, scenario} = read;
	const cases = steps.map(({number, step, unmet}) => {
		const where = `${path}:${step.line}`;
		const failures = unmet.map(message =>
			element('failure', {message, type: 'expectation'}, [xml(`${where}: ${message}`)]),
		);
		const name = `${number} ${step.text}`;
		return element('testcase', {name, classname: scenario.name, file: path, line: step.line}, failures);
	});
	const counts = {tests: steps.length, failures: broken, errors: 0, skipped: 0};
	return element('testsuite', {name: scenario.name, file: path, ...counts}, cases);
}

/** An element of XML. */
export function element(
	name: string,
	attributes: Record<string, string | number>,
	inside: readonly string[],
): string {
	const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${xml(String(value))}"`);
	const start = `<${name}${given.join('')}`;
	return inside.length === 0 ? `${start}/>` : `${start}>\n${inside.join('\n')}\n</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'};
/** What XML 1.0 cannot hold, not even escaped (2.2 Characters). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NO_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

/** Text in XML. Control characters, and line ends, which attributes would lose, become numbers. */
export const xml = (text: string): string =>
	text
		.toWellFormed()
		.replace(NO_XML, '\ufffd')
		.replace(/[&<>"]/g, char => ENTITIES[char])
		.replace(UNPRINTABLE, char => `&#${char.codePointAt(0)};`);
