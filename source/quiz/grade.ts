// Grading: the sheet is made again from its head, and each answer compared.

import {UserError} from '../user-error.js';
import type {Bench} from './bench.js';
import {answersIn, parseHead} from './paper.js';
import {normalised, type Question} from './question.js';
import {EDITION, questionsOf, type Sheet} from './quiz.js';

export type Mark = {
	readonly number: number;
	readonly question: Question;
	/** Undefined where nothing was written. */
	readonly given: string | undefined;
	readonly right: boolean;
};
export type Grade = {readonly sheet: Sheet; readonly marks: readonly Mark[]};

export const MOST = 100;

/** @throws UserError where the paper is no sheet of this edition */
export function grade(bench: Bench, name: string, paper: string): Grade {
	const head = parseHead(paper);
	if (head === undefined || head.count > MOST)
		throw new UserError(`${name} is no quiz; it has to keep the first line that dmascope quiz wrote.`);
	if (head.edition !== EDITION)
		throw new UserError(`${name} is of edition ${head.edition}; this dmascope grades edition ${EDITION}.`);
	const answers = answersIn(paper);
	const marks = questionsOf(bench, head).map((question, i): Mark => {
		const given = answers.get(i + 1) || undefined;
		const right = given !== undefined && normalised(given) === normalised(question.answer);
		return {number: i + 1, question, given, right};
	});
	return {sheet: head, marks};
}
