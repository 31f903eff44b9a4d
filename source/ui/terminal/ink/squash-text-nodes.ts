// In the place of Ink's squash-text-nodes: the text of a <Text> with those inside it. Ink joins and cleans it for each
// frame; here that is done when one of its parts is another. A text that stays the same string is quick to look up.

import type {DOMElement, DOMNode} from '../../../../node_modules/ink/build/dom.js';
import inkSquash from '../../../../node_modules/ink/build/squash-text-nodes.js';

const known = new WeakMap<DOMElement, {parts: readonly string[]; text: string}>();

export default function squashTextNodes(node: DOMElement): string {
	const parts = node.childNodes.map(partOf);
	const before = known.get(node);
	if (before?.parts.length === parts.length && parts.every((part, i) => part === before.parts[i]))
		return before.text;
	const text = cleaned(node, parts.join(''));
	known.set(node, {parts, text});
	return text;
}

function partOf(child: DOMNode): string {
	if (child.nodeName === '#text') return child.nodeValue;
	const isText = child.nodeName === 'ink-text' || child.nodeName === 'ink-virtual-text';
	const text = isText && !child.isHidden ? squashTextNodes(child) : '';
	const transform = child.internal_transform;
	if (text === '' || transform === undefined) return text;
	return text.includes('\n')
		? text
				.split('\n')
				.map((line, i) => transform(line, i))
				.join('\n')
		: transform(text, 0);
}

/** Without sequences that would spoil the layout, as Ink has it. */
const cleaned = ({nodeName}: DOMElement, nodeValue: string): string => {
	const rest = {parentNode: undefined, style: {}};
	return inkSquash({
		nodeName,
		attributes: {},
		childNodes: [{nodeName: '#text', nodeValue, ...rest}],
		...rest,
	});
};
