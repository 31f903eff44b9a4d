// A YAML file as plain data that knows the line and column of each part.

import {
	type Alias,
	type Document,
	isAlias,
	isCollection,
	isMap,
	isNode,
	isScalar,
	isSeq,
	type LineCounter,
	type Pair,
	visit,
} from 'yaml';
import {type DataPath, UserError} from './user-error.js';
import {show} from './words.js';
import {linesOf, YamlProblem, yamlDocument} from './yaml-document.js';

/**
 * Limits for aliases: a few lines can stand for millions. The package has a limit of its own, but walks the whole
 * file for each alias to check it.
 */
const MAX_ALIASES = 1000;
const MAX_NODES = 1_000_000;
/** Control characters of ASCII, and the character that a decoder puts for bytes that are not UTF-8. */
const NOT_TEXT = /(?![\t\n\r\x80-\x9f])\p{Cc}|\ufffd/u;

/** `failsafe`: every scalar is a string, as it is written. */
export type ScalarSchema = 'core' | 'failsafe';

export class YamlFile {
	readonly data: unknown;
	private readonly file: string;
	private readonly lines: LineCounter;
	private readonly document: Document;

	/** @throws UserError as `file:line:column: sentence` */
	constructor(file: string, text: string, schema: ScalarSchema = 'core') {
		this.file = file;
		this.lines = linesOf(text);
		const notText = NOT_TEXT.exec(text);
		if (notText) this.fail(notText.index, 'not a UTF-8 text file.');
		this.document = this.parse(text, schema);
		const aliases = this.checkNodes();
		this.data = this.document.toJS({maxAliasCount: -1});
		if (aliases.length > 0 && sizeOf(this.data) > MAX_NODES)
			this.fail(offsetOf(aliases[0]), 'these aliases expand to too much; use fewer.');
	}

	private parse(text: string, schema: ScalarSchema): Document {
		try {
			return yamlDocument(text, schema);
		} catch (error) {
			if (!(error instanceof YamlProblem)) throw error;
			return this.fail(error.offset, error.message);
		}
	}

	/** Runs `work` on the data; a UserError of it gets the place in the file. @throws UserError */
	locate<T>(work: () => T): T {
		try {
			return work();
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			return this.fail(this.offset(error.path, error.ofKey), error.message);
		}
	}

	lineOf(path: DataPath): number {
		return this.lines.linePos(this.offset(path, false)).line;
	}

	private fail(offset: number, message: string): never {
		const {line, col} = this.lines.linePos(offset);
		throw new UserError(`${this.file}:${line}:${col}: ${message}`);
	}

	/** Refuses anything that plain data cannot hold. @returns the aliases in the file */
	private checkNodes(): readonly Alias[] {
		const anchors = new Set<string>();
		const aliases: Alias[] = [];
		visit(this.document, {
			Node: (_, node, ancestors) => {
				if (isAlias(node)) {
					const {source} = node;
					if (!anchors.has(source) || ancestors.some(parent => anchorOf(parent) === source))
						this.fail(offsetOf(node), `*${source} is not defined; write &${source} before it.`);
					if (aliases.push(node) > MAX_ALIASES)
						this.fail(offsetOf(node), `the file has too many aliases; use at most ${MAX_ALIASES}.`);
				} else if (isMap(node)) this.checkKeys(node.items);
				const anchor = anchorOf(node);
				if (anchor !== undefined) anchors.add(anchor);
			},
		});
		return aliases;
	}

	private checkKeys(items: readonly Pair[]): void {
		const names = new Set<string>();
		for (const {key} of items) {
			if (!isScalar(key)) this.fail(offsetOf(key), 'expected a word before the colon.');
			const name = nameOf(key);
			if (names.has(name)) this.fail(offsetOf(key), `${show(name)} appears twice; remove one.`);
			names.add(name);
		}
	}

	/** Where a part starts; for a missing part, where its parent starts. */
	private offset(path: DataPath, ofKey: boolean): number {
		let node: unknown = this.document.contents;
		let at = offsetOf(node);
		for (const part of path) {
			if (isAlias(node)) node = node.resolve(this.document);
			const pair = isMap(node) ? pairOf(node.items, part) : undefined;
			if (pair !== undefined) {
				const ends = ofKey && part === path.at(-1);
				at = offsetOf(ends || pair.value === null ? pair.key : pair.value);
				node = pair.value;
			} else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
				node = node.items[part];
				at = offsetOf(node);
			} else if (typeof part !== 'number') break; // A single value stands for a list of it.
		}
		return at;
	}
}

/** How many values there are once aliases are expanded. */
function sizeOf(data: unknown): number {
	const known = new Map<object, number>();
	const size = (value: unknown): number => {
		if (typeof value !== 'object' || value === null) return 1;
		const before = known.get(value);
		if (before !== undefined) return before;
		const total = Object.values(value).reduce((sum: number, part) => sum + size(part), 1);
		known.set(value, total);
		return total;
	};
	return size(data);
}

const anchorOf = (node: unknown): string | undefined =>
	isCollection(node) || isScalar(node) ? node.anchor : undefined;

const nameOf = (key: unknown): string => (isScalar(key) ? String(key.value) : '');

const pairOf = (items: readonly Pair[], name: string | number): Pair | undefined =>
	items.find(({key}) => nameOf(key) === String(name));

function offsetOf(node: unknown): number {
	return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
