import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {runScenarios} from '../../../source/cli/run.js';
import {seededRandom} from '../../../source/lab/build/random.js';
import {findScenario, shippedScenarios} from '../../../source/lab/scenario/find.js';
import {folder} from '../../helpers/lab.js';

/** A way to break a good scenario: changes one of the lines that match. The error is at most so many lines away. */
type Break = {
	match: RegExp;
	change: (line: string, random: () => number) => string;
	near?: [before: number, after: number];
};
/** Broken YAML shows on the lines that follow. */
const NEAR = [0, 14];

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)];

/** Lines of steps, expectations and the machine; prose stays as it is. */
const STEP = /^ {2}- \w+: .*[{]|^ {4}expect: /;
const MACHINE = /^ {2}(iommu|memory|policy|hostPtp|returnsToHost|pptdevs): /;

/** Misspells one of the words before a colon. */
function misspell(line: string, random: () => number): string {
	const words = [...line.matchAll(/[a-zA-Z]{3,}(?=: )/g)];
	const {0: word, index} = pick(words, random);
	const at = 1 + Math.floor(random() * (word.length - 2));
	const slip = pick(
		[
			`${word.slice(0, at)}${word.slice(at + 1)}`,
			`${word.slice(0, at)}q${word.slice(at)}`,
			`${word.slice(0, at)}q${word.slice(at + 1)}`,
		],
		random,
	);
	return line.slice(0, index) + slip + line.slice(index + word.length);
}

const NUMBER = /\b(lba|sectors|segments|bytes|landed|faults|missing): \w+/;

const BREAKS: Record<string, Break> = {
	'a key misspelt': {match: STEP, change: misspell},
	'a part of the machine misspelt': {match: MACHINE, change: misspell},
	'a value of another type': {
		match: /\b(lba|sectors|faults|landed|data|path|bootable|vm|device): \w+|^ {2}(memory|policy): \w+/,
		change: (line, random) =>
			line.replace(
				/\b(lba|sectors|faults|landed|data|path|bootable|vm|device|memory|policy): \w+/,
				(_, key) => {
					return `${key}: ${pick(['[[1]]', '{ a: 1 }', '{}', 'true', '[x, y]'], random)}`.replace(
						/^(bootable: )true$/,
						'$1[]',
					);
				},
			),
	},
	'a number out of range': {
		match: NUMBER,
		change: (line, random) =>
			line.replace(NUMBER, (_, key) => `${key}: ${pick(['-1', '1.5', '-0x10', '.nan'], random)}`),
	},
	'a huge number': {
		match: NUMBER,
		change: (line, random) =>
			line.replace(NUMBER, (_, key) => {
				const huge = ['1e400', '.inf', '9'.repeat(30), `0x${'f'.repeat(40)}`, '9'.repeat(100_000)];
				return `${key}: ${pick(huge, random)}`;
			}),
	},
	'an unknown word': {
		match: /\b(data|path|reason|gives): [a-z]|^ {2}(- )?policy: [a-z]/,
		change: line => line.replace(/\b(data|path|reason|gives|policy): ([a-z])/, '$1: q$2'),
	},
	'an unknown guest or device': {
		match: /(vm: |boot: |destroy: )vm\d|device: (ppt|ahci|em)\d/,
		change: line => line.replace(/(vm: |boot: |destroy: |device: )(vm|ppt|ahci|em)\d/, '$1$29'),
	},
	'a missing part': {
		near: [-100, 14],
		match: /^ {2}- (read|boot|dma|policy|create|destroy|bind): |^steps:|^ {4}expect: /,
		change: (line, random) =>
			line.startsWith('steps')
				? 'name: again\nsteps:\nstory: none\nx:'
				: line.startsWith('    ')
					? pick(
							['    expect: { data: }', '    expect: { walk: { iova: 0 } }', '    expect: { page: {} }'],
							random,
						)
					: pick(['  - note: x', '  - {}', '  -', '  - policy:', '  - plug: { device: x0 }'], random),
	},
	'a part that appears twice': {
		match: /^ {4}expect: |^ {2}memory: |^name: |^ {2}- read: \{ vm/,
		change: line =>
			line.includes('read') ? line.replace('{ vm: vm', '{ vm: vm1, vm: vm') : `${line}\n${line}`,
	},
	'an open bracket or quote': {
		// A quote closes at the end of the file at the latest.
		near: [0, 100],
		match: /[{].*[}]/,
		change: (line, random) =>
			pick(
				[line.replace(/ [}]\s*$/, ''), line.replace('{', '{ ['), line.replace(': ', ': "'), `${line}]`],
				random,
			),
	},
	'wrong indentation': {
		// A line that goes too deep continues the one before.
		near: [-1, 14],
		match: /^ {4}expect: /,
		change: (line, random) =>
			pick(
				[` ${line}`, line.slice(1), line.slice(2), line.slice(4), `\t${line.trim()}`, `  ${line}`],
				random,
			),
	},
	'two commands in a step': {
		match: /^ {4}expect: /,
		change: line => `    unload:\n${line}`,
	},
	'aliases that expand to millions': {
		match: /^steps:/,
		change: line => {
			const bomb = Array.from({length: 9}, (_, i) => {
				const inside = Array.from({length: 9}, () => (i === 0 ? 'x' : `*a${i - 1}`)).join(', ');
				return `${'abcdefghi'[i]}: &a${i} [${inside}]`;
			});
			return `${bomb.join('\n')}\n${line}`;
		},
	},
	'an undefined alias': {match: /vm: vm0/, change: line => line.replace('vm: vm0', 'vm: *nothing')},
	'another version': {
		match: /^dmascope: /,
		change: (_, random) => `dmascope: ${pick(['2', '0', '"1"', '1.0.1', '[]', 'one'], random)}`,
	},
};

const EACH = 10;

for (const [kind, {match, change, near = NEAR}] of Object.entries(BREAKS)) {
	test(`${kind}: one sentence with line and column, and no step runs`, t => {
		const random = seededRandom(kind.length);
		const goods = shippedScenarios().map(name => findScenario(name).text.split('\n'));
		const broken = path.join(folder(t), 's.yaml');
		for (let i = 0; i < EACH; i++) {
			const lines = pick(
				goods.filter(good => good.some(line => match.test(line))),
				random,
			);
			const places = lines.flatMap((line, at) => (match.test(line) ? [at] : []));
			const at = pick(places, random);
			const changed = change(lines[at], random);
			assert.notEqual(changed, lines[at]);
			fs.writeFileSync(broken, lines.with(at, changed).join('\n'));
			const sentence = refused(broken, i === 0);
			const [, line, column] = /^dmascope: .*?s\.yaml:(\d+):(\d+): [^\n]{5,}$/.exec(sentence) ?? [];
			assert.ok(line !== undefined, sentence);
			assert.ok(Number(column) > 0);
			assert.ok(sentence.length < 500, sentence);
			const away = Number(line) - (at + 1);
			assert.ok(away >= near[0] && away <= near[1], `${away} ${changed}\n${sentence}`);
		}
	});
}

/** Runs the file, after a good scenario if `afterGood`. @returns the error */
function refused(file: string, afterGood = false): string {
	const out: string[] = [];
	const err: string[] = [];
	const code = runScenarios(
		afterGood ? ['tour', file] : [file],
		{flags: {writable: false}},
		line => out.push(line),
		line => err.push(line),
	);
	assert.deepEqual([code, out, err.length], [2, [], 1], `${err.join('\n')}\n${fs.existsSync(file)}`);
	assert.doesNotMatch(err[0], /\n|Error:|at .*\.js/);
	return err[0];
}

test('an empty file, a binary file, a directory and a missing file are refused', t => {
	const made = path.join(folder(t), 's.yaml');
	for (const bytes of [
		Buffer.alloc(0),
		Buffer.from('\n\n'),
		Buffer.from('# only a comment\n'),
		Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]),
		Buffer.from('name: caf\xe9\nsteps:\n  - boot: vm0\n', 'latin1'),
		Buffer.from('\ufeffsteps:\n  - boot: vm0\n', 'utf16le'),
		Buffer.from(Array.from({length: 4096}, (_, i) => (i * 7919) & 0xff)),
		Buffer.from('just words'),
		Buffer.from('{"steps": 1}'),
	]) {
		fs.writeFileSync(made, bytes);
		assert.match(refused(made), /s\.yaml:\d+:\d+: \w/);
	}
	fs.writeFileSync(made, `steps:\n${'  - boot: vm0\n'.repeat(1_300_000)}`);
	assert.match(refused(made), /s\.yaml is larger than 2 MiB; name a smaller file\.$/);
	assert.match(refused(path.dirname(made)), /is a directory/);
	assert.match(refused(`${made}x`), /Unknown scenario/);
	fs.chmodSync(made, 0);
	if (process.getuid?.() !== 0) assert.match(refused(made), /cannot be read/);
});
