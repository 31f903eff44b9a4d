import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, test} from 'node:test';
import {Given} from '../../source/cli/flags.js';
import {quiz} from '../../source/cli/quiz.js';
import {Disk} from '../../source/hardware/disk.js';
import {sampleDisk} from '../../source/lab/build/sample-disk.js';
import {Bench} from '../../source/quiz/bench.js';
import {answersIn, paperText, parseHead} from '../../source/quiz/paper.js';
import {normalised, TOPICS} from '../../source/quiz/question.js';
import {questionsOf} from '../../source/quiz/quiz.js';
import {UserError} from '../../source/user-error.js';
import {folder} from '../helpers/lab.js';
import {pageSize, solve} from './solve.js';

const bench = new Bench(() => ({disk: Disk.open(sampleDisk(), {}), sample: true}));
after(() => bench.close());

for (const topic of TOPICS)
	test(`twenty questions about ${topic} have the answers of a walker of its own`, () => {
		const questions = questionsOf(bench, {seed: 20, topics: [topic], count: 20});
		questions.forEach((question, i) => {
			assert.equal(normalised(solve(question)), normalised(question.answer), `${i + 1}. ${question.given}`);
		});
		const answers = new Set(questions.map(({answer}) => answer));
		assert.ok(answers.size >= 3, [...answers].join());
	});

test('walks go through several levels, to pages of several sizes', () => {
	const questions = questionsOf(bench, {seed: 1, topics: ['walk'], count: 100});
	const sizes = new Set(questions.map(pageSize));
	const levels = new Set(questions.map(({lines}) => lines.filter(line => line === '').length));
	for (const size of [2 ** 12, 2 ** 21, 2 ** 30]) assert.ok(sizes.has(size), `${size}`);
	assert.ok(sizes.size >= 5 && levels.size >= 4, `${[...sizes]}; ${[...levels]}`);
});

test('a seed gives the same sheet on another bench, and another seed another', () => {
	const other = new Bench(() => ({disk: Disk.open(sampleDisk(), {}), sample: true}));
	const sheet = {seed: 3, topics: TOPICS, count: 4};
	const text = paperText(sheet, questionsOf(other, sheet), false);
	assert.deepEqual(parseHead(text.join('\n')), {...sheet, topics: [...TOPICS], edition: 1});
	const again = new Bench(() => ({disk: Disk.open(sampleDisk(), {}), sample: true}));
	assert.deepEqual(paperText(sheet, questionsOf(again, sheet), false), text);
	assert.notDeepEqual(paperText(sheet, questionsOf(again, {...sheet, seed: 4}), false), text);
	other.close();
	again.close();
});

test('answers are compared by what they mean', () => {
	assert.equal(normalised(' 0x0000_1000 '), normalised('1000'));
	assert.equal(normalised('C, a'), normalised('ac'));
	assert.equal(normalised('Fault'), 'fault');
	assert.notEqual(normalised('0x1000'), normalised('0x1001'));
	assert.deepEqual(
		[...answersIn('x\nAnswer 2: ___ b ___\nAnswer 3:\n')],
		[
			[2, 'b'],
			[3, ''],
		],
	);
});

/** What the command prints, and its exit code. */
function run(words: readonly string[], flags: Readonly<Record<string, string[]>> = {}) {
	const lines: string[] = [];
	const code = quiz(words, new Given(new Map(Object.entries(flags))), out =>
		lines.push(...(typeof out === 'string' ? [out] : out.map(String))),
	);
	return {code, lines};
}

test('a sheet is made, filled in and graded', t => {
	const file = path.join(folder(t), 'sheet.txt');
	const sheet = {count: ['4'], seed: ['5']};
	run([], {...sheet, output: [file]});
	const {lines} = run([], {...sheet, answers: []});
	const right = answersIn(lines.join('\n'));
	const empty = fs.readFileSync(file, 'utf8');
	assert.ok(!empty.includes(lines.find(line => line.startsWith('Answer 1: ')) ?? '?'));

	const filled = empty.replace(/^Answer (\d+): $/gm, (line, number) => line + right.get(Number(number)));
	fs.writeFileSync(file, filled);
	const report = `${file}.xml`;
	assert.equal(run(['grade', file], {junit: [report]}).code, 0);
	assert.match(fs.readFileSync(report, 'utf8'), /<testsuites name="dmascope" tests="4" failures="0"/);

	fs.writeFileSync(file, filled.replace(/^Answer 2: .*$/m, 'Answer 2: h'));
	const graded = run(['grade', file], {junit: [report], force: []});
	assert.equal(graded.code, 1);
	assert.match(graded.lines.join('\n'), /2 ✗ fault {2}answered h; it is [a-e]\.[\s\S]*: 3 of 4 right$/);
	assert.match(fs.readFileSync(report, 'utf8'), /failures="1"[\s\S]*<failure message="answered h; it is/);

	fs.writeFileSync(file, filled.replace('edition 1', 'edition 7'));
	assert.throws(() => run(['grade', file]), {message: /is of edition 7; this dmascope grades edition 1\.$/});
	fs.writeFileSync(file, 'nothing of the kind');
	assert.throws(() => run(['grade', file]), {message: /is no quiz/});
	assert.throws(() => run(['grade']), UserError);
	assert.throws(() => run(['wlak']), {message: /Did you mean walk\?$/});
	assert.throws(() => run([], {count: ['0']}), {message: '--count 0 is not a whole number from 1 to 100.'});
});

test('the sheet as a picture has every line of it', t => {
	const file = path.join(folder(t), 'sheet.svg');
	run(['walk'], {count: ['1'], output: [file]});
	const {lines} = run(['walk'], {count: ['1']});
	const svg = fs.readFileSync(file, 'utf8');
	const words = (text: string) => text.trim().replaceAll('_', '').trim();
	const shown = new Set([...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, line = '']) => words(line)));
	assert.deepEqual(
		lines.map(words).filter(line => line !== '' && !shown.has(line)),
		[],
	);
});
