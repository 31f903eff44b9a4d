import {Box} from 'ink';
import {memo} from 'react';
import {useParts} from '../hooks/use-ui.js';
import {Line} from './line.js';

const ASKS = {
	filter: 'filter',
	address: 'go to address',
	palette: 'command',
	file: 'save to',
	expect: 'save a test to',
} as const;

/** What happened last, or the line that is being typed. */
export const MessageLine = memo(function MessageLine() {
	const {prompt, message, moving} = useParts(({prompt, message, packet}) => ({
		prompt,
		message,
		moving: packet !== undefined,
	}));
	return (
		<Box flexShrink={0} height={1} overflow="hidden">
			<Line
				row={
					prompt === undefined
						? [moving ? ' …' : [` ${message.text}`, message.tone]]
						: [[` ${ASKS[prompt.asks]}: `, 'key'], `${prompt.text}▏ `, [prompt.problem ?? '', 'warn']]
				}
			/>
		</Box>
	);
});
