import assert from 'node:assert/strict';
import {EventEmitter} from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {recordCast} from '../../source/ui/terminal/cast.js';
import {folder} from '../helpers/lab.js';

const terminal = () =>
	Object.assign(new EventEmitter(), {columns: 80, rows: 24, write: (_text: string) => true});

test('a recording begins with what is shown first; where nothing is shown there is none', t => {
	const place = folder(t);
	const file = path.join(place, 'a.cast');
	recordCast(file, terminal(), () => 0)();
	assert.deepEqual(fs.readdirSync(place), []);
	const shown = terminal();
	const end = recordCast(file, shown, () => 0);
	shown.write('one');
	shown.emit('resize');
	shown.write('two');
	assert.equal(end(), undefined);
	const [header, ...events] = fs
		.readFileSync(file, 'utf8')
		.trimEnd()
		.split('\n')
		.map(line => JSON.parse(line));
	assert.equal(header.version, 2);
	assert.deepEqual(events, [
		[0, 'o', 'one'],
		[0, 'r', '80x24'],
		[0, 'o', 'two'],
	]);
});

test('a recording takes the place of no file, also of one that comes before anything is shown', t => {
	const place = folder(t);
	const at = (name: string) => path.join(place, name);
	fs.writeFileSync(at('file'), 'kept');
	fs.symlinkSync('nothing', at('link'));
	const record = (name: string) => recordCast(at(name), terminal(), () => 0);
	assert.throws(() => record('file'), /file exists; choose another name\.$/);
	assert.throws(() => record('link'), /link is a symbolic link; choose another name\.$/);
	assert.throws(() => record('none/a'), /none\/a is in a folder that does not exist; choose another name\.$/);
	const shown = terminal();
	const end = recordCast(at('late'), shown, () => 0);
	fs.writeFileSync(at('late'), 'kept');
	assert.equal(shown.write('one'), true);
	assert.match(end() ?? '', /^No recording: .*late exists; choose another name\.$/);
	assert.deepEqual(
		['file', 'late'].map(name => fs.readFileSync(at(name), 'utf8')),
		['kept', 'kept'],
	);
	assert.deepEqual(fs.readdirSync(place).sort(), ['file', 'late', 'link']);
});
