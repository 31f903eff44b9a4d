// npm run bundle:executable: the program and a Node in one file for each machine, dist-executable/dmascope-linux-*. The
// Node is the project's own, from npm's packages node-linux-*; newer ones need libatomic, which not every Linux has.

import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {build} from 'esbuild';
import {fastInk, options} from '../bundle.mjs';

const NODE = process.versions.node;
const MACHINES = ['x64', 'arm64'];
/** It puts the program into the executable, as Node's documentation has it. */
const POSTJECT = 'postject@1.0.0-alpha.6';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const OUT = 'dist-executable';
const SCENARIOS = 'source/lab/scenario/scenarios';

if (!NODE.startsWith('24.'))
	throw new Error(`Node ${NODE} is not the project's; use npm run bundle:executable.`);

/** @param {string} name */
const made = name => path.join(OUT, name);

/** The program of a Node, fetched once. @param {string} machine */
function nodeFor(machine) {
	const folder = path.join(os.homedir(), '.cache/dmascope-build', `node-linux-${machine}-${NODE}`);
	const program = path.join(folder, 'package/bin/node');
	if (fs.existsSync(program)) return program;
	fs.mkdirSync(folder, {recursive: true});
	const args = ['pack', `node-linux-${machine}@${NODE}`, '--pack-destination', folder, '--silent'];
	const file = path.join(folder, execFileSync('npm', args, {encoding: 'utf8'}).trim());
	execFileSync('tar', ['-xzf', file, '-C', folder, 'package/bin/node']);
	fs.rmSync(file);
	return program;
}

/** @param {string} folder */
const textsIn = folder =>
	Object.fromEntries(
		fs.readdirSync(folder).map(name => [name, fs.readFileSync(path.join(folder, name), 'utf8')]),
	);

/**
 * Ink imports it where DEV is set; an executable has no folder of packages to find it in.
 * @type {import('esbuild').Plugin}
 */
const withoutDevtools = {
	name: 'without-devtools',
	setup(build) {
		build.onResolve({filter: /^react-devtools-core$/}, ({path}) => ({path, namespace: 'empty'}));
		build.onLoad({filter: /.*/, namespace: 'empty'}, () => ({contents: 'export default {};'}));
	},
};

fs.rmSync(OUT, {recursive: true, force: true});
fs.mkdirSync(OUT);
const whole = {...options, splitting: false, target: 'node24', external: ['koffi']};
await build({
	...whole,
	plugins: [fastInk(), withoutDevtools],
	entryPoints: ['cli.tsx'],
	outfile: made('dmascope.mjs'),
	minify: true,
	// Messages have names of classes in them.
	keepNames: true,
});
await build({
	...{bundle: true, platform: 'node', target: 'node24', format: 'cjs', logLevel: 'warning'},
	entryPoints: ['executable/main.ts'],
	outfile: made('main.cjs'),
});
fs.writeFileSync(made('shipped.json'), JSON.stringify({scenarios: textsIn(SCENARIOS)}));
const {version, description} = JSON.parse(fs.readFileSync('package.json', 'utf8'));
fs.writeFileSync(made('package.json'), JSON.stringify({version, description}));
const assets = ['dmascope.mjs', 'shipped.json', 'package.json'];
const config = {
	...{main: made('main.cjs'), output: made('program.blob')},
	...{disableExperimentalSEAWarning: true, useCodeCache: false, useSnapshot: false},
	// Nothing but the program decides what Node does: not NODE_OPTIONS.
	execArgvExtension: 'none',
	assets: Object.fromEntries(assets.map(name => [name, made(name)])),
};
fs.writeFileSync(made('sea.json'), JSON.stringify(config));
execFileSync(process.execPath, ['--experimental-sea-config', made('sea.json')], {stdio: 'ignore'});

const sums = MACHINES.map(machine => {
	const file = made(`dmascope-linux-${machine}`);
	fs.copyFileSync(nodeFor(machine), file);
	fs.chmodSync(file, 0o755);
	const args = [file, 'NODE_SEA_BLOB', config.output, '--sentinel-fuse', FUSE];
	execFileSync('npx', ['--yes', POSTJECT, ...args], {stdio: 'ignore'});
	console.log(`${file}: ${(fs.statSync(file).size / 2 ** 20).toFixed(1)} MiB`);
	return `${createHash('sha256').update(fs.readFileSync(file)).digest('hex')}  ${path.basename(file)}`;
});
fs.writeFileSync(made('SHA256SUMS'), `${sums.join('\n')}\n`);
for (const part of [...assets, 'main.cjs', 'sea.json', 'program.blob']) fs.rmSync(made(part));
