// What a host knows of the device that a line of its log is about.

import type {Asked} from '../decode/decoder.js';
import {deviceText, type LoggedDevice} from '../decode/fault.js';
import type {HostDevice} from './devices.js';

/** The log is of the time of the fault, the devices are those of now: what the log says stands. */
export const aroundFault =
	(devices: () => readonly HostDevice[]): Asked =>
	({fault}, around) => {
		const found = fault.device && deviceOf(fault.device, devices());
		if (found === undefined || fault.device === undefined) return around;
		const {ids, class: digits, driver, group, product} = found;
		const device = {device: fault.device, id: ids, class: digits, driver, group, ...around.device};
		return {...around, device, product: around.product ?? product};
	};

/** Undefined where the log does not say which of several segments it is in. */
function deviceOf(logged: LoggedDevice, devices: readonly HostDevice[]): HostDevice | undefined {
	const bare = deviceText({rid: logged.rid});
	const [one, other] = devices.filter(({id}) =>
		logged.segment === undefined ? id.endsWith(`:${bare}`) : id === deviceText(logged),
	);
	return other === undefined ? one : undefined;
}
