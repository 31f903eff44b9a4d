// A QMP server that answers from a table, for what no real QEMU can be made to say.

import {once} from 'node:events';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import type {TestContext} from 'node:test';
import {folder} from './lab.js';

type Request = {execute: string; arguments: Record<string, unknown>};

/** Listens until the test ends. Each line is sent as it is; events and greetings are up to the caller. */
export async function fakeQemu(
	t: TestContext,
	greeting: string,
	answer: (request: Request) => string | undefined = () => '{"return": {}}',
): Promise<string> {
	const socket = path.join(folder(t), 'qmp');
	const clients = new Set<net.Socket>();
	const server = net.createServer(client => {
		clients.add(client);
		client.on('error', () => {});
		client.write(greeting);
		readline.createInterface({input: client}).on('line', line => {
			const said = answer(JSON.parse(line));
			if (said === undefined) client.destroy();
			else client.write(`${said}\n`);
		});
	});
	server.listen(socket);
	await once(server, 'listening');
	t.after(() => {
		for (const client of clients) client.destroy();
		server.close();
	});
	return socket;
}

export const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n';
