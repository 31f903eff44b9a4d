import {useAnimation} from 'ink';
import {useEffect, useRef, useState} from 'react';
import {useUi} from './use-ui.js';

const BLINK_MS = 250;

/** True for a moment, once, after a packet has landed. */
export function useBlink(): boolean {
	const packet = useUi(ui => ui.packet);
	const before = useRef(packet);
	const [isActive, setActive] = useState(false);
	const {frame} = useAnimation({interval: BLINK_MS, isActive});
	useEffect(() => {
		if (before.current !== undefined && packet === undefined) setActive(true);
		before.current = packet;
	}, [packet]);
	useEffect(() => {
		if (frame > 1) setActive(false);
	}, [frame]);
	return isActive && frame === 1;
}
