import {type DOMElement, useBoxMetrics, useWindowSize} from 'ink';
import {type RefObject, useRef} from 'react';

export type Measured = {ref: RefObject<DOMElement | null>; width: number; height: number};

/** The inside of a box. Until Ink has laid it out it is taken for as large as it could be. */
export function useMeasured(): Measured {
	const ref = useRef<DOMElement>(null);
	const {columns, rows} = useWindowSize();
	const {clientWidth, clientHeight, hasMeasured} = useBoxMetrics(ref);
	return {
		ref,
		width: hasMeasured ? clientWidth : columns,
		height: hasMeasured ? clientHeight : rows,
	};
}
