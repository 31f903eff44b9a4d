// Machines that make no sense: whatever their files hold, they are read to the end, and shown.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import fc from 'fast-check';
import {Capture, treeAt} from '../../../source/live/host/capture.js';
import {hostFacts} from '../../../source/live/host/describe.js';
import {hostJson} from '../../../source/live/host/json.js';
import {readHost} from '../../../source/live/host/read-host.js';
import {hostLines} from '../../../source/live/host/report.js';
import {entriesOf} from '../../../source/live/host/tar.js';
import {Files, Tree} from '../../../source/live/host/tree.js';
import {lineText} from '../../../source/text/print.js';
import {widthOf} from '../../../source/text/width.js';
import {fuzz} from '../../helpers/fuzz.js';

const ENTRIES = ['intel.tar', 'amd.tar'].map(name =>
	entriesOf(fs.readFileSync(path.join(import.meta.dirname, name))),
);
const paths = ENTRIES.flat().map(each => each.path);

const text = fc.oneof(
	fc.constantFrom(
		'',
		'0x',
		'0xffffffffffffffffffffffff',
		'-1',
		'Y',
		':',
		'\0\0',
		'/dev/vfio/7',
		'../../..',
		'/',
	),
	fc.string({unit: 'binary', maxLength: 80}),
	fc.constantFrom(...ENTRIES.flat().map(each => each.text)),
	fc.nat({max: 5000}).map(length => 'deadbeef \n'.repeat(length)),
);
const damage = fc.record({
	path: fc.oneof(
		fc.constantFrom(...paths),
		fc.constantFrom(...paths).map(each => `${each}/below`),
	),
	kind: fc.constantFrom('file' as const, 'link' as const, 'directory' as const),
	text,
	readable: fc.boolean(),
});

test('damaged machines are read, shown in 80 columns, and captured', async () => {
	await fc.assert(
		fc.asyncProperty(
			fc.constantFrom(...ENTRIES),
			fc.array(damage, {minLength: 1, maxLength: 40}),
			async (entries, damages) => {
				const files = new Files();
				for (const {path, kind, text, readable} of [...entries, ...damages])
					files.add(path, kind, text, readable);
				const capture = new Capture();
				const host = await readHost(new Tree(files, capture));
				const shown = hostLines(hostFacts(host), undefined).map(line => lineText(line));
				assert.doesNotMatch(shown.join('\n'), /undefined|NaN|\[object/);
				for (const line of shown) assert.ok(widthOf(line) <= 80, line);
				JSON.stringify(hostJson(host, hostFacts(host), undefined));
				entriesOf(capture.tar());
			},
		),
		fuzz(34, 20261122),
	);
});

test('the undamaged machine has groups', async () => {
	assert.ok(
		(await readHost(new Tree(treeAt(path.join(import.meta.dirname, 'intel.tar'))()))).groups.length > 0,
	);
});
