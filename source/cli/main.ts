// Runs a command line, and says how it ended.

import type {Print} from '../text/print.js';
import {messageOf, UserError} from '../user-error.js';
import {checkAsked, parse} from './parse.js';

/** `importMeta`: of the file that stands beside package.json, or in a folder of that. @returns the exit code */
export async function main(
	argv: readonly string[],
	importMeta: ImportMeta,
	out: Print,
	err: Print,
): Promise<number> {
	try {
		const asked = parse(argv, importMeta);
		const {command, words, given} = asked;
		if (given.has('version')) out(asked.package.version ?? 'unknown');
		else if (given.has('help'))
			out((await import('./help.js')).helpText(command, asked.package.description).split('\n'));
		else {
			checkAsked(asked);
			return await command.run(words, given, out, err);
		}
		return 0;
	} catch (error) {
		const known = error instanceof UserError;
		err(`dmascope: ${known ? '' : 'internal error: '}${messageOf(error)}`);
		return known ? 2 : 70;
	}
}
