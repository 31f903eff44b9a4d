// dmascope quiz: a sheet of exercises, and its grading.

import {unknownWord} from '../did-you-mean.js';
import {createNew, readRegular} from '../files.js';
import {DARK, LIGHT} from '../picture/palette.js';
import {Bench} from '../quiz/bench.js';
import {type Grade, grade, type Mark, MOST} from '../quiz/grade.js';
import {paperSvg, paperText} from '../quiz/paper.js';
import {TOPICS} from '../quiz/question.js';
import {questionsOf, type Sheet} from '../quiz/quiz.js';
import type {Print} from '../text/print.js';
import {errnoOf, messageOf, UserError} from '../user-error.js';
import type {Given} from './flags.js';
import {element, junitPage, ReportFile, xml} from './junit.js';
import {openDisk} from './open-lab.js';

const ONLY_GRADE = ['junit', 'force'] as const;
const ONLY_SHEET = ['seed', 'count', 'answers', 'output', 'theme'] as const;

/** @returns the exit code @throws UserError */
export function quiz([word, file, other]: readonly string[], given: Given, out: Print): number {
	const grades = word === 'grade';
	const strange = (grades ? ONLY_SHEET : ONLY_GRADE).find(flag => given.has(flag));
	if (strange !== undefined)
		throw new UserError(`--${strange} is for quiz ${grades ? 'without grade' : 'grade'}; leave it out.`);
	const extra = grades ? other : file;
	if (extra !== undefined) throw new UserError(`quiz takes no more words; leave out "${extra}".`);
	if (grades && file === undefined)
		throw new UserError('quiz grade takes a sheet that was filled in: dmascope quiz grade sheet.txt');
	const bench = new Bench(() => openDisk({writable: false}));
	try {
		if (file === undefined) return makeSheet(bench, word, given, out);
		return gradeSheet(bench, file, given, out);
	} finally {
		bench.close();
	}
}

function makeSheet(bench: Bench, word: string | undefined, given: Given, out: Print): 0 {
	const topic = TOPICS.find(each => each === word);
	if (word !== undefined && topic === undefined)
		throw new UserError(unknownWord('topic', word, [...TOPICS, 'grade']));
	const sheet: Sheet = {
		seed: numberOf('seed', given.text('seed') ?? '1', 0, 999_999_999),
		topics: topic === undefined ? TOPICS : [topic],
		count: numberOf('count', given.text('count') ?? '8', 1, MOST),
	};
	const file = given.text('output');
	if (file !== undefined && !/\.(svg|txt)$/.test(file))
		throw new UserError(`${file} cannot hold a quiz; end its name with .svg or .txt.`);
	const theme = given.text('theme') ?? 'light';
	if (theme !== 'light' && theme !== 'dark')
		throw new UserError(unknownWord('theme', theme, ['light', 'dark']));
	const questions = questionsOf(bench, sheet);
	const answers = given.has('answers');
	const lines = paperText(sheet, questions, answers);
	if (file === undefined) {
		out(lines);
		return 0;
	}
	const palette = theme === 'light' ? LIGHT : DARK;
	createNew(
		file,
		file.endsWith('.svg') ? paperSvg(sheet, questions, answers, palette) : `${lines.join('\n')}\n`,
	);
	out(`Saved to ${file}.`);
	return 0;
}

function numberOf(flag: string, text: string, least: number, most: number): number {
	const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
	if (!(value >= least && value <= most))
		throw new UserError(`--${flag} ${text} is not a whole number from ${least} to ${most}.`);
	return value;
}

/** Longer than any sheet. */
const LONGEST = 2 ** 20;

function gradeSheet(bench: Bench, file: string, given: Given, out: Print): 0 | 1 {
	const junit = given.text('junit');
	const report = junit === undefined ? undefined : new ReportFile(junit, given.has('force'));
	report?.check([file]);
	const graded = grade(bench, file, readPaper(file));
	const right = graded.marks.filter(mark => mark.right).length;
	out(graded.marks.map(markText));
	out(`${file}: ${right} of ${graded.marks.length} right`);
	report?.writeText(junitOf(file, graded, right), [file]);
	return right === graded.marks.length ? 0 : 1;
}

function readPaper(file: string): string {
	const mend = 'name a sheet that dmascope quiz wrote';
	try {
		return readRegular(file, {limit: LONGEST, mend}).toString('utf8');
	} catch (error) {
		if (error instanceof UserError || errnoOf(error) === undefined) throw error;
		throw new UserError(`${file} cannot be read: ${messageOf(error)}; ${mend}.`);
	}
}

const wrongText = ({given, question}: Mark): string =>
	`${given === undefined ? 'no answer' : `answered ${given}`}; it is ${question.answer}. ${question.because}`;

const markText = (mark: Mark): string =>
	`${`${mark.number}`.padStart(3)} ${mark.right ? '✓' : '✗'} ${mark.question.topic.padEnd(6)} ${mark.right ? (mark.given ?? '') : wrongText(mark)}`;

function junitOf(file: string, {sheet, marks}: Grade, right: number): string {
	const cases = marks.map(mark => {
		const message = wrongText(mark);
		const failure = element('failure', {message, type: 'answer'}, [xml(message)]);
		const attributes = {name: `${mark.number} ${mark.question.topic}`, classname: `quiz ${sheet.seed}`, file};
		return element('testcase', attributes, mark.right ? [] : [failure]);
	});
	const failures = marks.length - right;
	const counts = {tests: marks.length, failures, errors: 0, skipped: 0};
	return junitPage(marks.length, failures, [
		element('testsuite', {name: `quiz ${sheet.seed}`, file, ...counts}, cases),
	]);
}
