// A QEMU that dmascope starts, and that ends with it, however that ends.

import {type ChildProcess, spawn} from 'node:child_process';
import fs from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import type {RunningGuest} from '../../machine/observed.js';
import {errnoOf, messageOf, UserError} from '../../user-error.js';
import {Qmp} from '../qemu/qmp.js';

/** Milliseconds between two attempts to reach its monitor. */
const AGAIN_MS = 50;
/** Linux says a hundred ticks per second to every program. */
const TICK_MS = 10;
/** What is kept of its error messages. */
const MOST_ERRORS = 2000;

/**
 * Reads QEMU's process ID, and ends that process once its input ends, which it does with dmascope; then removes what is
 * left of the folder.
 */
const WATCHER =
	'read -r qemu && cat >/dev/null; [ -z "$qemu" ] || kill -9 "$qemu"; rm -f "$1"/*.sock; rmdir "$1"';

export type QemuEvents = {
	/** Bytes of the serial console. */
	console: (bytes: Uint8Array) => void;
	/** It has ended by itself, or cannot be started: why, as a sentence. */
	ended: (why: string) => void;
	/** Something cannot be done, as a sentence. */
	failed: (why: string) => void;
};

export class QemuProcess implements RunningGuest {
	paused = false;
	private readonly child: ChildProcess;
	private readonly watcher: ChildProcess;
	private readonly ending = new AbortController();
	private readonly qmp: Promise<Qmp | undefined>;
	private errors = '';
	private over = false;
	private readonly atExit = () => this.close();

	/** `folder`: where its sockets are, removed with it. */
	constructor(
		private readonly program: string,
		parameters: readonly string[],
		private readonly folder: string,
		private readonly events: QemuEvents,
		qmpPath: string,
	) {
		this.watcher = this.watch();
		// A session of its own: the terminal's signals are for dmascope.
		this.child = spawn(program, [...parameters], {detached: true, stdio: 'pipe'});
		const {child} = this;
		process.once('exit', this.atExit);
		child.on('error', error => this.end(cannotStart(program, error)));
		child.on('exit', (code, signal) => this.end(this.ended(code, signal)));
		child.stdout?.on('data', (bytes: Buffer) => events.console(bytes));
		child.stderr?.on('data', (bytes: Buffer) => {
			this.errors = (this.errors + bytes).slice(-MOST_ERRORS);
		});
		// It may end before it has read all.
		child.stdin?.on('error', () => {});
		if (child.pid !== undefined) this.watcher.stdin?.write(`${child.pid}\n`);
		this.qmp = this.connect(qmpPath);
		this.qmp.catch(() => {});
	}

	/** Its monitor, once it answers. */
	get monitor(): Promise<Qmp | undefined> {
		return this.qmp;
	}

	type(bytes: string): void {
		if (!this.over) this.child.stdin?.write(bytes);
	}

	reset(): void {
		this.tell('system_reset');
		if (this.paused) this.pause(false);
	}

	pause(paused: boolean): void {
		this.paused = paused;
		this.tell(paused ? 'stop' : 'cont');
	}

	/** Milliseconds that it has spent on processors so far; 0 where the system does not say. */
	get cpuMs(): number {
		try {
			// proc(5): utime and stime are the 14th and 15th field; the 2nd, a name in brackets, may hold spaces.
			const stat = fs.readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
			const fields = stat.replace(/^.*\) /s, '').split(' ');
			return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
		} catch {
			return 0;
		}
	}

	/** Ends it at once. */
	close(): void {
		if (this.over) return;
		this.over = true;
		this.ending.abort();
		process.off('exit', this.atExit);
		this.child.kill('SIGKILL');
		this.tidy();
	}

	/** It is there before QEMU is, so that no moment is left in which QEMU would stay. */
	private watch(): ChildProcess {
		const watcher = spawn('/bin/sh', ['-c', WATCHER, 'sh', this.folder], {
			detached: true,
			stdio: ['pipe', 'ignore', 'ignore'],
		});
		watcher.on('error', () => {});
		watcher.stdin?.on('error', () => {});
		watcher.unref();
		return watcher;
	}

	private async connect(path: string): Promise<Qmp | undefined> {
		const {signal} = this.ending;
		while (!signal.aborted) {
			if (fs.existsSync(path)) {
				try {
					return await Qmp.connect(path, signal);
				} catch (error) {
					if (!(error instanceof UserError)) throw error;
				}
			}
			await sleep(AGAIN_MS, undefined, {signal}).catch(() => {});
		}
		return undefined;
	}

	private tell(command: string): void {
		this.qmp
			.then(qmp => qmp?.execute(command))
			.catch((error: unknown) => {
				if (!this.over) this.events.failed(messageOf(error));
			});
	}

	private end(why: string): void {
		if (this.over) return;
		this.over = true;
		this.ending.abort();
		process.off('exit', this.atExit);
		this.tidy();
		this.events.ended(why);
	}

	private tidy(): void {
		this.watcher.kill('SIGKILL');
		fs.rmSync(this.folder, {recursive: true, force: true});
	}

	private ended(code: number | null, signal: NodeJS.Signals | null): string {
		const how =
			signal === null ? (code === 0 ? 'ended' : `ended with exit code ${code}`) : `was ended by ${signal}`;
		const [said] = this.errors.trim().split('\n').slice(-1);
		return `${this.program} ${how}${said ? `: ${said.replace(/^[^:]*qemu[^:]*: /, '').replace(/\.$/, '')}` : ''}.`;
	}
}

function cannotStart(program: string, error: Error): string {
	if (errnoOf(error) === 'ENOENT')
		return `${program} is not installed; install qemu-system-x86, or name a QEMU with --qemu.`;
	return `${program} cannot be started: ${messageOf(error)}.`;
}
