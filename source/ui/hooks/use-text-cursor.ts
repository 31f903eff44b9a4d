import {type DOMElement, measureElement, useBoxMetrics, useCursor} from 'ink';
import type {RefObject} from 'react';

/** Puts the terminal's own cursor where text goes: in an element, so many columns from its left edge. */
export function useTextCursor(ref: RefObject<DOMElement | null>, column: number): void {
	const {setCursorPosition} = useCursor();
	const {hasMeasured} = useBoxMetrics(ref);
	const box = hasMeasured && ref.current ? measureElement(ref.current) : undefined;
	setCursorPosition(box && {x: box.x + column, y: box.y});
}
