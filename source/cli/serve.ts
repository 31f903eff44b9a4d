// dmascope serve: is the disk of a VM that the user starts.

import {transferJson} from '../explain/snapshot.js';
import {hex} from '../formats/address.js';
import type {LiveGuest} from '../live/guest/guest.js';
import {diskOptions} from '../live/guest/qemu-options.js';
import type {Transfer} from '../machine/transfer.js';
import type {ServeEvent} from '../outputs.js';
import {type Print, versioned} from '../text/print.js';
import type {Line} from '../text/rows.js';
import {plural, sizeText} from '../words.js';
import {openGuestDisk} from './boot.js';
import {checkDisplay, exitOnSignals, onTerminal} from './dashboard.js';
import {displayFlags, type Given, labFlags} from './flags.js';
import {defaultMachine, machineOf} from './open-lab.js';

/** @returns the exit code @throws UserError */
export async function serve([socket = '']: readonly string[], given: Given, out: Print): Promise<number> {
	const json = given.has('json');
	const interactive = onTerminal() && !json;
	const look = displayFlags(given);
	if (!interactive) await checkDisplay(look);
	const {policy, iommu} = machineOf(labFlags(given), defaultMachine({writable: false}));
	exitOnSignals();
	const {serveGuest} = await import('../live/guest/open.js');
	const disk = openGuestDisk(labFlags(given));
	const {guest, close} = serveGuest(socket, 'vhost-user', {disk, policy, iommu, asks: !given.has('yes')});
	process.once('exit', close);
	const options = diskOptions(socket, '1G', {reconnect: true});
	guest.greeting = `Start QEMU with these options; y copies them: ${options.join(' ')}`;
	guest.hear(Buffer.from(`Waiting at ${socket} for a QEMU with\r\n${pairs(options).join('\r\n')}\r\n`));
	if (interactive) {
		const {dashboard} = await import('../ui/dashboard.js');
		const code = await dashboard(guest, look);
		process.off('exit', close);
		close();
		return code;
	}
	const print = json
		? (event: Event) => out(JSON.stringify(versioned(jsonOf(event))))
		: (event: Event) => out([textOf(event)]);
	print({event: 'waiting', socket, options});
	follow(guest, print);
	// Until a signal.
	return new Promise(() => {});
}

/** Something that happened, as the text and the JSON are made of it. */
type Event = Exclude<ServeEvent, {event: 'transfer'}> | {event: 'transfer'; transfer: Transfer};

const jsonOf = (event: Event): ServeEvent =>
	event.event === 'transfer' ? {event: 'transfer', transfer: transferJson(event.transfer)} : event;

/** Tells of what happens, as it does. Of a guest in a hurry not every request has an event; the counts have all. */
function follow(guest: LiveGuest, tell: (event: Event) => void): void {
	let attached = false;
	let last = 0;
	let stopped: string | undefined;
	guest.watch(() => {
		const {vms, policy = 'remove', transfers} = guest.state();
		if (guest.attached !== attached) {
			attached = guest.attached;
			if (attached) tell({event: 'attached', bytes: (vms[0]?.pages ?? 0) * 4096, policy});
			else tell({event: 'detached'});
		}
		for (const transfer of transfers) if (transfer.number > last) tell({event: 'transfer', transfer});
		last = transfers.at(-1)?.number ?? last;
		if (guest.stopped !== stopped) {
			stopped = guest.stopped;
			if (stopped !== undefined) tell({event: 'stopped', why: stopped});
		}
	});
}

function textOf(event: Event): Line {
	switch (event.event) {
		case 'waiting':
			return `Waiting at ${event.socket} for a QEMU with ${event.options.join(' ')}`;
		case 'attached':
			return `vm0 shares ${sizeText(event.bytes)}; policy ${event.policy}`;
		case 'detached':
			return 'vm0 is gone';
		case 'stopped':
			return [[event.why, 'bad']];
		case 'transfer': {
			const {command, data, policy} = event.transfer;
			if (command.do === 'dma') return '';
			const what = `${command.do} LBA ${command.lba}, ${plural(command.sectors, 'sector')}, ${hex(command.gpa)}`;
			return [`${what}: `, [data.toUpperCase(), data === 'delivered' ? 'good' : 'bad'], ` under ${policy}`];
		}
	}
}

/** An option with its value on one line. */
const pairs = (options: readonly string[]): string[] =>
	options.flatMap((option, i) => (i % 2 === 0 ? [`  ${option} ${options[i + 1] ?? ''}`] : []));
