// Parses YAML up to the first error. The yaml package would go on and make an error of every extra comma: for two
// megabytes of commas that takes gigabytes.

import {Composer, type Document, Lexer, LineCounter, Parser} from 'yaml';

/** What is wrong, as a sentence, and at which character. */
export class YamlProblem extends Error {
	constructor(
		readonly offset: number,
		message: string,
	) {
		super(message);
	}
}

/** Nesting of lists and maps. The package recurses, so deeper nesting could overflow the stack. */
const DEEPEST = 64;
/** Tokens: enough for a session of 10,000 steps with every expectation. */
const MOST = 3 * 2 ** 19;

/** How to mend what the package reports by these codes. */
const HINTS: Readonly<Record<string, string>> = {
	BAD_INDENT: 'check the indentation, and that every bracket is closed',
	BLOCK_AS_IMPLICIT_KEY: 'check the indentation, and put text that has a colon in quotes',
	MISSING_CHAR: 'close the bracket or quote, and check the indentation',
	MULTIPLE_DOCS: 'remove the line with ---',
	MULTILINE_IMPLICIT_KEY: 'check the indentation',
	TAB_AS_INDENT: 'indent with spaces',
};

/** @throws YamlProblem */
export function yamlDocument(text: string, schema: 'core' | 'failsafe'): Document.Parsed {
	// The package would compare each key with all others; the caller finds duplicates faster.
	const composer = new Composer({schema, uniqueKeys: false, prettyErrors: false});
	let first: YamlProblem | undefined;
	const stop = (source: unknown, code: string, message: string): never => {
		// The package catches this error and reports it again.
		first ??= new YamlProblem(offsetOf(source), sentenceOf(code, message));
		throw first;
	};
	Object.assign(composer, {onError: stop});
	const [document, another] = composer.compose(tokensOf(text), true, text.length);
	if (another) stop(another.range, 'MULTIPLE_DOCS', 'Source contains multiple documents');
	const [error] = [...document.errors, ...document.warnings];
	if (error) stop(error.pos, error.code, error.message);
	return document;
}

function* tokensOf(text: string): ReturnType<Parser['parse']> {
	const parser = new Parser();
	let count = 0;
	for (const lexeme of new Lexer().lex(text)) {
		if (parser.stack.length > DEEPEST)
			throw new YamlProblem(parser.offset, 'the file is nested too deeply here; remove brackets.');
		if (++count > MOST) throw new YamlProblem(parser.offset, 'the file is too long; remove the rest.');
		yield* parser.next(lexeme);
	}
	yield* parser.end();
}

function sentenceOf(code: string, message: string): string {
	const [what] = message.split(/[\n;]/);
	return `not YAML: ${what}; ${HINTS[code] ?? 'check quotes, brackets and indentation'}.`;
}

/** Where lines start, whether or not the text is YAML. */
export function linesOf(text: string): LineCounter {
	const lines = new LineCounter();
	for (let at = 0; at >= 0; at = text.indexOf('\n', at) + 1 || -1) lines.addNewLine(at);
	return lines;
}

function offsetOf(source: unknown): number {
	if (Array.isArray(source)) return offsetOf(source[0]);
	if (typeof source === 'number') return source;
	return typeof source === 'object' && source !== null && 'offset' in source ? offsetOf(source.offset) : 0;
}
