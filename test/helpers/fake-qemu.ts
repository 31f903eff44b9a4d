// A QMP server that answers from a table, for what no real QEMU can be made to say.

import {once} from 'node:events';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import type {TestContext} from 'node:test';
import {folder} from './lab.js';

export type Request = {execute: string; arguments: Record<string, unknown>};
/** Undefined closes the connection; an empty line is no answer at all. */
type Answer = (request: Request) => string | undefined;

/** Listens until the test ends. Each line is sent as it is; events and greetings are up to the caller. */
export async function fakeQemu(
	t: TestContext,
	greeting: string,
	answer: Answer = () => '{"return": {}}',
): Promise<string> {
	const socket = path.join(folder(t), 'qmp');
	t.after(await listen(socket, greeting, answer));
	return socket;
}

/** @returns what ends it, as when QEMU is killed */
export async function listen(socket: string, greeting: string, answer: Answer): Promise<() => void> {
	const clients = new Set<net.Socket>();
	const server = net.createServer(client => {
		clients.add(client);
		client.on('error', () => {});
		client.write(greeting);
		readline.createInterface({input: client}).on('line', line => {
			const report = answer(JSON.parse(line));
			if (report === undefined) client.destroy();
			else if (report !== '') client.write(`${report}\n`);
		});
	});
	server.listen(socket);
	await once(server, 'listening');
	return () => {
		for (const client of clients) client.destroy();
		server.close();
	};
}

export const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n';
