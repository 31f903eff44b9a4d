// A reader of plain XML: elements, attributes, text and the five entities; no more than a report has.

import assert from 'node:assert/strict';

export type Element = {name: string; attributes: Record<string, string>; inside: Element[]; text: string};

const NAMED: Record<string, string> = {amp: '&', lt: '<', gt: '>', quot: '"', apos: "'"};

function plain(text: string): string {
	assert.doesNotMatch(text, /[<]|&(?!(amp|lt|gt|quot|apos|#\d+);)/);
	return text.replace(/&(#?)(\w+);/g, (_, number, name) =>
		number ? String.fromCodePoint(Number(name)) : NAMED[name],
	);
}

/** @throws where it is not well-formed */
export function readXml(source: string): Element {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has none of them
	assert.doesNotMatch(source, /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/);
	assert.ok(source.isWellFormed());
	const body = source.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
	const top: Element = {name: '', attributes: {}, inside: [], text: ''};
	const open = [top];
	let at = 0;
	for (const match of body.matchAll(/<(\/?)(\w+)((?:\s+\w+="[^"<]*")*)\s*(\/?)>/g)) {
		const [tag, closes, name, given, alone] = match;
		const inner = open[open.length - 1];
		inner.text += plain(body.slice(at, match.index));
		at = match.index + tag.length;
		if (closes) {
			assert.equal(name, inner.name);
			open.pop();
			continue;
		}
		const pairs = [...given.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, plain(value)]);
		const element = {name, attributes: Object.fromEntries(pairs), inside: [], text: ''};
		inner.inside.push(element);
		if (!alone) open.push(element);
	}
	assert.equal(open.length, 1);
	assert.equal(body.slice(at).trim(), '');
	assert.equal(top.inside.length, 1);
	return top.inside[0];
}
