import {useMemo} from 'react';
import {type DeviceReach, reachOfDevice} from '../../explain/device-reach.js';
import type {Device} from '../../machine/observed.js';
import {useParts} from './use-ui.js';

/** What each of some devices reaches: computed anew when tables change. */
export function useDeviceReach(devices: readonly Device[]): readonly DeviceReach[] {
	const {memory, unit, owned, vms, views} = useParts(({machine, state: {unit, owned, vms}, views}) => ({
		...{memory: machine.memory, unit, owned, vms, views},
	}));
	return useMemo(
		() => devices.map(device => reachOfDevice(memory, {unit, owned, vms}, views, device)),
		[devices, memory, unit, owned, vms, views],
	);
}
