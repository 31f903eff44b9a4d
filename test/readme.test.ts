import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {COMMANDS} from '../source/cli/commands.js';
import {runScenarios} from '../source/cli/run.js';
import {EXPECTATIONS} from '../source/lab/scenario/expectations.js';
import {shippedScenarios} from '../source/lab/scenario/find.js';
import {VERB_NAMES} from '../source/lab/scenario/verbs.js';
import {Decoder} from '../source/live/decode/decoder.js';
import {closing, paragraph} from '../source/live/decode/report.js';
import {lineText} from '../source/text/print.js';
import {commands} from '../source/ui/commands/index.js';
import {folder} from './helpers/lab.js';

const readme = fs.readFileSync(path.resolve(import.meta.dirname, '../readme.md'), 'utf8');

test('the picture in the readme is the real screen', () => {
	const screen = fs.readFileSync(path.join(import.meta.dirname, 'ui/screens/80x24-lost.txt'), 'utf8');
	assert.ok(readme.includes(screen.trimEnd()));
});

test('the key table of the readme is the table of commands', () => {
	const table = readme.replace(/ +/g, ' ');
	const missing = commands
		.filter(({label}) => !['scroll', 'map', 'field', 'more', 'less'].includes(label))
		.map(({shown, description}) => `| \`${shown}\` | ${description} |`)
		.filter(row => !table.includes(row));
	assert.deepEqual(missing, []);
});

test('the readme names a shipped scenario', () => {
	assert.ok(shippedScenarios().some(name => readme.includes(`dmascope run ${name}`)));
});

test('the scenario in the readme holds', t => {
	const example = /```yaml\n(dmascope: 1[^`]*)```/.exec(readme)?.[1] ?? '';
	const file = path.join(folder(t), 'my.yaml');
	fs.writeFileSync(file, example);
	const err: string[] = [];
	const code = runScenarios(
		[file],
		{flags: {writable: false}},
		() => {},
		line => err.push(line),
	);
	assert.deepEqual([code, err], [0, []]);
});

test('the readme names every command, option, verb and expectation', () => {
	const commands = COMMANDS.map(({name}) => `dmascope ${name}`.trim());
	const flags = COMMANDS.flatMap(({flags}) => flags.map(flag => `--${flag}`));
	const words = [...VERB_NAMES, ...EXPECTATIONS.map(({name}) => name)].map(name => `\`${name}`);
	assert.deepEqual(
		[...commands, ...flags, ...words, ...shippedScenarios()].filter(word => !readme.includes(word)),
		[],
	);
});

test('the readme’s example of decode is its real output', () => {
	const [, log, explained] =
		/\$ cat kern\.log\n([\s\S]*?)\$ dmascope decode kern\.log\n([\s\S]*?)\n```/.exec(readme) ?? [];
	const decoder = new Decoder();
	decoder.push(Buffer.from(log));
	decoder.end();
	const {storm} = decoder;
	const lines = storm.groups.flatMap(group => [...paragraph(group, decoder.explain(group)), '']);
	assert.equal([...lines, ...closing(storm)].map(line => lineText(line)).join('\n'), explained);
});
