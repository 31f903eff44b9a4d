// Replaces Ink's squash-text-nodes, which joins and sanitises the text of every <Text> in every frame. Here a <Text>
// whose parts did not change returns the same string again, and caches find that string without hashing it.

import type {DOMElement, DOMNode} from '../../../../node_modules/ink/build/dom.js';
import inkSquash from '../../../../node_modules/ink/build/squash-text-nodes.js';

const cache = new WeakMap<DOMElement, {parts: readonly string[]; text: string}>();

export default function squashTextNodes(node: DOMElement): string {
	const parts = node.childNodes.map(partOf);
	const before = cache.get(node);
	if (before?.parts.length === parts.length && parts.every((part, i) => part === before.parts[i]))
		return before.text;
	const text = sanitised(node, parts.join(''));
	cache.set(node, {parts, text});
	return text;
}

/** Transforms run in each frame, as in Ink: they may depend on more than the text. */
function partOf(child: DOMNode): string {
	if (child.nodeName === '#text') return child.nodeValue;
	const isText = child.nodeName === 'ink-text' || child.nodeName === 'ink-virtual-text';
	const text = isText && !child.isHidden ? squashTextNodes(child) : '';
	const transform = child.internal_transform;
	if (text === '' || transform === undefined) return text;
	if (!text.includes('\n')) return transform(text, 0);
	const lines = text.split('\n').map((line, i) => transform(line, i));
	return lines.join('\n');
}

/** Without the sequences that Ink does not let through. */
const sanitised = ({nodeName}: DOMElement, nodeValue: string): string => {
	const rest = {parentNode: undefined, style: {}};
	return inkSquash({
		nodeName,
		attributes: {},
		childNodes: [{nodeName: '#text', nodeValue, ...rest}],
		...rest,
	});
};
