import {type DOMElement, useBoxMetrics, useWindowSize} from 'ink';
import {type RefObject, useRef} from 'react';

export type Measured = {ref: RefObject<DOMElement | null>; width: number; height: number};

/** The inside of a box. Until Ink has laid it out it is taken for one row: nothing is drawn that has no room. */
export function useMeasured(): Measured {
	const ref = useRef<DOMElement>(null);
	const {columns} = useWindowSize();
	const {clientWidth, clientHeight, hasMeasured} = useBoxMetrics(ref);
	return {
		ref,
		width: hasMeasured ? clientWidth : columns,
		height: hasMeasured ? clientHeight : 1,
	};
}
