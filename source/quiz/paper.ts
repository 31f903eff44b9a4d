// A sheet on paper: as text, with a line for each answer, or as a picture to print.

import {diagram, text} from '../picture/diagram.js';
import type {Palette} from '../picture/palette.js';
import {wrapped} from '../text/width.js';
import {LETTERS, type Question, TOPICS, type Topic} from './question.js';
import {EDITION, type Sheet} from './quiz.js';

const COLUMNS = 76;

export const headOf = ({seed, topics, count}: Sheet): string =>
	`dmascope quiz, edition ${EDITION}, seed ${seed}, topics ${topics.join(' ')}, ${count} questions`;

const HEAD =
	/^dmascope quiz, edition (\d{1,9}), seed (\d{1,9}), topics ([a-z ]{1,80}), (\d{1,3}) questions$/m;

/** What the head of a sheet says. `edition`: of the dmascope that wrote it. */
export function parseHead(paper: string): (Sheet & {edition: number}) | undefined {
	const [, edition, seed, words = '', count] = HEAD.exec(paper.replaceAll('\r\n', '\n')) ?? [];
	const topics = words.split(' ').flatMap((word): Topic[] => TOPICS.filter(topic => topic === word));
	if (edition === undefined || topics.length === 0) return undefined;
	return {edition: Number(edition), seed: Number(seed), topics, count: Number(count)};
}

/** By number, what stands after "Answer 3:". */
export const answersIn = (paper: string): ReadonlyMap<number, string> =>
	new Map(
		[...paper.matchAll(/^[ \t]*Answer (\d{1,3}):(.*)$/gm)].map(([, number, answer = '']) => [
			Number(number),
			answer.replace(/^[\s_]+|[\s_]+$/g, ''),
		]),
	);

export function paperText(sheet: Sheet, questions: readonly Question[], answers: boolean): string[] {
	return [
		headOf(sheet),
		'',
		...questions.flatMap((question, i) => [
			...wrapped(`${i + 1}. ${question.given}`, COLUMNS),
			'',
			...question.lines.map(line => (line === '' ? '' : `   ${line}`)),
			...(question.lines.length > 0 && question.lines.at(-1) !== '' ? [''] : []),
			...wrapped(question.asks, COLUMNS),
			...question.choices.map((choice, at) => `   ${LETTERS.charAt(at)}) ${choice}`),
			'',
			...(answers
				? [
						`Answer ${i + 1}: ${question.answer}`,
						...wrapped(question.because, COLUMNS - 3).map(line => `   ${line}`),
					]
				: [`Answer ${i + 1}: `]),
			'',
		]),
	];
}

const MARGIN = 40;
const LINE = 18;

/** The same as a picture. */
export function paperSvg(
	sheet: Sheet,
	questions: readonly Question[],
	answers: boolean,
	palette: Palette,
): string {
	const lines = paperText(sheet, questions, answers).map(line =>
		/^Answer \d+: $/.test(line) ? `${line}${'_'.repeat(32)}` : line,
	);
	const page = {title: headOf(sheet), width: 720, height: 2 * MARGIN + lines.length * LINE};
	return diagram(
		page,
		palette,
		lines.flatMap((line, i) => {
			if (line === '') return [];
			const bold = i === 0 || /^(\d+\.|Answer) /.test(line);
			const ink = /^ {3}[0-9a-f]{8} {2}/.test(line) ? 'key' : 'ink';
			return text(MARGIN, MARGIN + i * LINE, line, {bold, ink});
		}),
	);
}
