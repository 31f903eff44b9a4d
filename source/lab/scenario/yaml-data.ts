// A YAML file as plain data, which knows of each part of it where in the file it stands.

import {type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Pair} from 'yaml';
import {type DataPath, UserError} from '../../user-error.js';
import {show} from '../../words.js';
import {linesOf, YamlProblem, yamlDocument} from '../../yaml-document.js';

/** A few lines of YAML can stand for millions, where each anchor names the one before it several times. */
const MOST = 1_000_000;
const DEEPEST = 50;
/** What no text has; the last is what a decoder puts for bytes that are no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NO_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/;

export class YamlData {
	readonly data: unknown;
	private readonly file: string;
	private readonly lines: LineCounter;
	private readonly root: unknown;
	/** By its name, what an anchor stands for from here on. */
	private readonly anchors = new Map<string, {node: unknown; value: unknown; size: number}>();
	/** By the node that stands for another: that one. */
	private readonly aliases = new Map<unknown, unknown>();
	private size = 0;

	/** @throws UserError as `file:line:column: sentence` */
	constructor(file: string, text: string) {
		this.file = file;
		this.lines = linesOf(text);
		const noText = NO_TEXT.exec(text);
		if (noText) this.fail(noText.index, 'here is no text; a scenario is a YAML file in UTF-8.');
		this.root = this.parse(text).contents;
		this.data = this.plain(this.root, 0);
	}

	private parse(text: string): Document.Parsed {
		try {
			// Keys that come twice are looked for below: the package takes the square of their number.
			return yamlDocument(text, false);
		} catch (error) {
			if (!(error instanceof YamlProblem)) throw error;
			return this.fail(error.offset, error.message);
		}
	}

	/** Does something with the data: what goes wrong with it says where. @throws UserError */
	placed<T>(work: () => T): T {
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

	/** Where a part starts; of one that is not there, the one that should have it. */
	private offset(path: DataPath, ofKey: boolean): number {
		let node = this.root;
		let at = offsetOf(node);
		for (const part of path) {
			node = this.aliases.get(node) ?? node;
			const pair = isMap(node) ? pairOf(node.items, part) : undefined;
			if (pair !== undefined) {
				const ends = ofKey && part === path.at(-1);
				at = offsetOf(ends || pair.value === null ? pair.key : pair.value);
				node = pair.value;
			} else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
				node = node.items[part];
				at = offsetOf(node);
			} else if (typeof part !== 'number') break; // One thing alone stands for a list of it.
		}
		return at;
	}

	private plain(node: unknown, depth: number): unknown {
		const before = this.size++;
		if (depth > DEEPEST) this.fail(offsetOf(node), 'here the file is nested too deeply; leave out brackets.');
		const value = this.value(node, depth);
		if (this.size > MOST)
			this.fail(offsetOf(node), 'here the file comes to too much; name fewer anchors with *.');
		if (isNode(node) && !isAlias(node) && node.anchor !== undefined)
			this.anchors.set(node.anchor, {node, value, size: this.size - before});
		return value;
	}

	private value(node: unknown, depth: number): unknown {
		if (node === null) return null;
		if (isScalar(node) && (typeof node.value !== 'object' || node.value === null)) return node.value;
		if (isSeq(node)) return node.items.map(item => this.plain(item, depth + 1));
		if (isMap(node)) return this.map(node.items, depth);
		if (!isAlias(node)) return this.fail(offsetOf(node), 'here is no text, number, list or map.');
		const known = this.anchors.get(node.source);
		if (known === undefined)
			return this.fail(
				offsetOf(node),
				`*${node.source} stands for nothing; write &${node.source} before it.`,
			);
		this.aliases.set(node, known.node);
		this.size += known.size;
		return known.value;
	}

	private map(items: readonly Pair[], depth: number): unknown {
		const entries = new Map<string, unknown>();
		for (const {key, value} of items) {
			if (!isScalar(key)) this.fail(offsetOf(key), 'what stands before a colon is a word.');
			const name = nameOf(key);
			if (entries.has(name)) this.fail(offsetOf(key), `${show(name)} is here twice; keep one of them.`);
			entries.set(name, this.plain(value, depth + 1));
		}
		return Object.fromEntries(entries);
	}
}

const nameOf = (key: unknown): string => (isScalar(key) ? String(key.value) : '');

const pairOf = (items: readonly Pair[], name: string | number): Pair | undefined =>
	items.find(({key}) => nameOf(key) === String(name));

/** The character where a node of the document starts. */
function offsetOf(node: unknown): number {
	if (typeof node !== 'object' || node === null || !('range' in node)) return 0;
	const {range} = node;
	return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}
