import {Box} from 'ink';
import {memo} from 'react';
import {useParts} from '../hooks/use-ui.js';
import type {Row} from '../rows.js';
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
			: prompt !== undefined
				? [[` ${ASKS[prompt.asks]}: `, 'key'], `${prompt.text}▏ `, [prompt.problem ?? '', 'warn']]
				: [moving ? ' …' : [` ${message.text}`, message.tone]];
	return (
		<Box flexShrink={0} height={1} overflow="hidden">
			<Line row={row} />
		</Box>
	);
});
