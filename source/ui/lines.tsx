import {Text, Transform} from 'ink';
import {drawn} from './glyphs.js';

type Props = {
	/** Ready lines, each exactly `width` columns. */
	readonly lines: readonly string[];
	readonly width: number;
};

/**
 * Lines that are fitted already. Ink measures every text it lays out, grapheme by grapheme where it is more than
 * ASCII; so it is given blanks of the same size to measure, and the lines in their place when it draws.
 */
export function Lines({lines, width}: Props) {
	const blank = ' '.repeat(width);
	return (
		<Transform transform={(_blank, index) => drawn(lines[index] ?? '')}>
			<Text>{lines.map(() => blank).join('\n')}</Text>
		</Transform>
	);
}
