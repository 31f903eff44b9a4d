import {Box, type DOMElement, useWindowSize} from 'ink';
import {memo, useRef} from 'react';
import type {Row} from '../../text/rows.js';
import {widthOf} from '../../text/width.js';
import {useTextCursor} from '../hooks/use-text-cursor.js';
import {useParts} from '../hooks/use-ui.js';
import type {Prompt} from '../state/store.js';
import {travelText} from '../state/travel.js';
import {Line} from './line.js';

const ASKS = {
	filter: 'filter',
	address: 'go to address',
	palette: 'command',
	file: 'save to',
	expect: 'save a test to',
	undo: 'save old blocks to',
	screen: 'save a picture to',
	diagram: 'save a diagram to',
} as const;

/** What happened last, or the line that is being typed. */
export const MessageLine = memo(function MessageLine() {
	const {prompt, message, travel, moving} = useParts(({prompt, message, travel, packet}) => ({
		prompt,
		message,
		travel,
		moving: packet !== undefined,
	}));
	const row: Row =
		travel !== undefined
			? [[` ${travelText(travel)}`, 'key']]
			: [moving ? ' …' : [` ${message.text}`, message.tone]];
	return (
		<Box flexShrink={0} height={1} overflow="hidden">
			{prompt && travel === undefined ? <PromptLine prompt={prompt} /> : <Line row={row} />}
		</Box>
	);
});

/** Of a long text the end is shown, where the cursor is. */
function PromptLine({prompt: {asks, text, problem = ''}}: {readonly prompt: Prompt}) {
	const {columns} = useWindowSize();
	const ref = useRef<DOMElement>(null);
	const label = ` ${ASKS[asks]}: `;
	const room = Math.max(1, columns - widthOf(label) - 1);
	let shown = text;
	while (widthOf(shown) > room) shown = shown.slice(1);
	useTextCursor(ref, widthOf(label + shown));
	return (
		<Box ref={ref} flexGrow={1}>
			<Line row={[[label, 'key'], `${shown} `, [problem, 'warn']]} />
		</Box>
	);
}
