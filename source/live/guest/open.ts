// Puts a guest that really runs together: the socket that its VMM connects to, the back end, and QEMU where it is
// started here.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type {DiskInfo} from '../../lab/build/state.js';
import type {Family, Policy} from '../../machine/command.js';
import type {RunningGuest} from '../../machine/observed.js';
import {type Libc, libc} from '../../system/libc.js';
import {Poller} from '../../system/poller.js';
import {LONGEST_PATH, listenAt} from '../../system/unix-socket.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {BackEnd} from '../vhost/back-end.js';
import {LiveGuest, type OwnUnit} from './guest.js';
import {DISK_ID, machineOptions} from './qemu-options.js';
import {QemuProcess} from './qemu-process.js';

export type Open = {disk: DiskInfo; policy: Policy; iommu: Family; asks: boolean};
export type Served = {guest: LiveGuest; close: () => void};
/** `cpuMs`: what QEMU has spent on processors so far. */
export type Booted = Served & {cpuMs: () => number};

/** Serves a guest's disk at a socket. @throws UserError */
export function serveGuest(
	socket: string,
	title: string,
	open: Open,
	control?: RunningGuest,
	own?: OwnUnit,
): Served {
	const system = systemCalls();
	const listening = listen(system, socket);
	const poller = new Poller(system);
	const guest = new LiveGuest({...open, title, control, own});
	const backEnd = new BackEnd(system, poller, listening, guest);
	guest.recordRefusal = (iova, write) => backEnd.miss(iova, write);
	return {
		guest,
		close: () => {
			backEnd.close();
			poller.close();
			fs.rmSync(socket, {force: true});
			guest.close();
		},
	};
}

export type BootOptions = Open & {
	qemu: string;
	memory: string;
	accel: 'tcg' | 'kvm';
	/** Whether the VM has an IOMMU of its own, in front of its disk. */
	viommu: boolean;
	kernel?: string;
	initrd?: string;
	append?: string;
	/** The time of day, for people. */
	clock: () => string;
};

/** Starts a QEMU whose disk dmascope is. @throws UserError */
export function bootGuest({
	qemu: program,
	memory,
	accel,
	viommu,
	kernel,
	initrd,
	append,
	clock,
	...open
}: BootOptions): Booted {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dmascope-boot-'));
	const [socket, qmp] = ['disk.sock', 'qmp.sock'].map(name => path.join(folder, name));
	let qemu: QemuProcess | undefined;
	const control: RunningGuest = {
		get paused() {
			return qemu?.paused ?? false;
		},
		type: bytes => qemu?.type(bytes),
		reset: () => qemu?.reset(),
		pause: paused => qemu?.pause(paused),
	};
	try {
		const own = viommu ? {monitor: async () => qemu?.monitor, disk: DISK_ID} : undefined;
		const served = serveGuest(socket, 'QEMU', open, control, own);
		const {guest} = served;
		const parameters = machineOptions({socket, qmp, memory, accel, viommu, kernel, initrd, append});
		const lose = (why: string) => guest.lose(why, clock());
		qemu = new QemuProcess(
			program,
			parameters,
			folder,
			{console: bytes => guest.hear(bytes), ended: lose, failed: lose},
			qmp,
		);
		return {
			guest,
			cpuMs: () => qemu?.cpuMs ?? 0,
			close: () => {
				qemu?.close();
				served.close();
			},
		};
	} catch (error) {
		fs.rmSync(folder, {recursive: true, force: true});
		throw error;
	}
}

/** @throws UserError where there are none */
function systemCalls(): Libc {
	if (process.platform !== 'linux')
		throw new UserError('boot and serve need Linux; the other commands run anywhere.');
	const system = libc();
	if (system === undefined)
		throw new UserError('boot and serve need the package koffi to map guest memory; run npm install koffi.');
	return system;
}

function listen(system: Libc, socket: string): number {
	if (Buffer.byteLength(socket) > LONGEST_PATH)
		throw new UserError(`${socket} is longer than the ${LONGEST_PATH} bytes that a socket’s path may have.`);
	try {
		return listenAt(system, socket);
	} catch (error) {
		if (errnoOf(error) === 'EADDRINUSE')
			throw new UserError(
				`${socket} exists; remove it if no other dmascope serves it, or choose another path.`,
			);
		throw new UserError(`Cannot listen at ${socket}: ${messageOf(error)}.`);
	}
}
