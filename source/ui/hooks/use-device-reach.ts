import {useMemo} from 'react';
import {type DeviceReach, reachOfDevice} from '../../explain/device-reach.js';
import type {Device} from '../../machine/observed.js';
import {useParts} from './use-ui.js';

/** What each of some devices reaches: computed anew when tables change. */
export function useDeviceReach(devices: readonly Device[]): readonly DeviceReach[] {
	const {memory, tables, views} = useParts(({machine, tables, views}) => ({
		...{memory: machine.memory, tables, views},
	}));
	return useMemo(
		() => devices.map(device => reachOfDevice(memory, tables, views, device)),
		[devices, memory, tables, views],
	);
}
