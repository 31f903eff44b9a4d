// Parts of messages about the only ring there is, checked.

import * as vhost from '../../formats/vhost-user.js';
import {ProtocolError} from './connection.js';

export function word(payload: Uint8Array, at: number): number {
	if (payload.length < at + 4) throw new ProtocolError('a message is too short');
	return vhost.viewOf(payload).getUint32(at, true);
}

/** A number about the only ring there is. */
export function state(payload: Uint8Array): number {
	if (word(payload, 0) !== 0) throw new ProtocolError('there is no such ring');
	return word(payload, 4);
}

/** The descriptor that comes for the only ring, which is then the caller's. */
export function ringFd(payload: Uint8Array, fds: number[]): number | undefined {
	const which = vhost.decodeRingFd(payload);
	if (which === undefined || which.index !== 0) throw new ProtocolError('there is no such ring');
	if (which.none) return undefined;
	const fd = fds.shift();
	if (fd === undefined) throw new ProtocolError('a descriptor is missing');
	return fd;
}
