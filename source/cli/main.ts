// Runs a command line, and reports errors.

import type {Print} from '../text/print.js';
import {messageOf, UserError} from '../user-error.js';
import {checkRequest, parse} from './parse.js';

/** `importMeta`: of a file beside package.json, or in a folder below it. @returns the exit code */
export async function main(
	argv: readonly string[],
	importMeta: ImportMeta,
	out: Print,
	err: Print,
): Promise<number> {
	try {
		const request = parse(argv, importMeta);
		const {command, words, given} = request;
		if (given.has('version')) out(request.package.version ?? 'unknown');
		else if (given.has('help'))
			out((await import('./help.js')).helpText(command, request.package.description).split('\n'));
		else {
			checkRequest(request);
			return await command.run(words, given, out, err);
		}
		return 0;
	} catch (error) {
		const known = error instanceof UserError;
		err(`dmascope: ${known ? '' : 'internal error: '}${messageOf(error)}`);
		return known ? 2 : 70;
	}
}
