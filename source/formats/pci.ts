// A requester ID on the PCI bus: bus 15:8, device 7:3, function 2:0.

export type Rid = number;

export const ridOf = (bus: number, device: number, fn: number): Rid => (bus << 8) | (device << 3) | fn;
export const ridBus = (rid: Rid): number => (rid >>> 8) & 0xff;
export const ridDevfn = (rid: Rid): number => rid & 0xff;

/** A pciconf selector without the domain: 4:0:0. */
export const ridText = (rid: Rid): string => `${ridBus(rid)}:${(rid >>> 3) & 0x1f}:${rid & 7}`;

/** Parses a selector such as 4:0:0; undefined if it is not one. */
export function parseRid(text: string): Rid | undefined {
	const [, bus, device, fn] = (/^(\d{1,3}):(\d{1,2}):([0-7])$/.exec(text) ?? []).map(Number);
	return bus === undefined || bus > 255 || device > 31 ? undefined : ridOf(bus, device, fn);
}
