import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as ahci from '../../source/formats/ahci.js';
import {CMD, HBA, PX, PX_IS} from '../../source/formats/ahci.js';
import {ATA, LOG, WORD} from '../../source/formats/ata.js';
import {ahciByHand, LIST, type Prd, RECEIVED, RUN, TABLE} from '../helpers/ahci.js';
import {BUFFER} from '../helpers/disks.js';

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);

test('the registers are those of an ICH8 with one disk', t => {
	const {device, read} = ahciByHand(t);
	assert.deepEqual(
		[HBA.CAP, HBA.VS, HBA.PI, HBA.CAP2].map(register => device.read(register)),
		[0xff30ff3f, 0x10300, 1, 4],
	);
	assert.equal(read(PX.SIG), 0x101);
	assert.equal(read(PX.SSTS), 0x143);
	assert.equal(read(PX.CMD), RUN | CMD.CR | CMD.FR | CMD.CPS);
	assert.equal(device.read(ahci.PORTS + ahci.PORT_BYTES + PX.SIG), 0);
});

test('IDENTIFY returns the capacity, the names and a valid checksum, with its FISes and byte count', t => {
	const {run, map, read, received, disk} = ahciByHand(t);
	assert.equal(run(ahci.dmaFis(ATA.IDENTIFY, 0, 0), [[BUFFER, 512]]), 0x50);
	const text = (word: number, bytes: number) =>
		Buffer.from(map.read(BUFFER + 2 * word, bytes))
			.swap16()
			.toString('latin1')
			.trimEnd();
	assert.equal(text(WORD.MODEL, 40), 'BHYVE SATA DISK');
	assert.equal(text(WORD.SERIAL, 20), 'BHYVE-TEST');
	assert.equal(map.u32(BUFFER + 2 * WORD.SECTORS), disk.sectors);
	assert.equal(map.u32(BUFFER + 2 * WORD.SECTORS_48), disk.sectors);
	assert.equal(map.u16(BUFFER + 2 * WORD.QUEUE_DEPTH), 31);
	assert.equal(map.u8(BUFFER + 510), 0xa5);
	assert.equal(sumOf(map.read(BUFFER, 512)), 0);
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 512);
	assert.equal(received(ahci.RECEIVED.PIO_SETUP, 1)[0], ahci.FIS_PIO_SETUP);
	assert.deepEqual(received(ahci.RECEIVED.D2H, 4), [ahci.FIS_D2H, 0x40, 0x50, 0]);
	// A PIO setup FIS without its interrupt bit raises nothing.
	assert.equal(read(PX.IS), PX_IS.DHR);
	assert.equal(read(PX.CI), 0);
});

test('a small IDENTIFY buffer is filled, and IDENTIFY without a buffer aborts', t => {
	const {run, map} = ahciByHand(t);
	map.write(BUFFER, new Uint8Array(512).fill(0xee));
	assert.equal(run(ahci.dmaFis(ATA.IDENTIFY, 0, 0), [[BUFFER, 100]]), 0x50);
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 100);
	assert.equal(map.u8(BUFFER + 100), 0xee);
	assert.equal(run(ahci.dmaFis(ATA.IDENTIFY, 0, 0)), 0x441);
});

test('each read command uses its own format for address and count', t => {
	const {run, map, content} = ahciByHand(t);
	const commands = [
		ATA.READ_EXT,
		ATA.READ_DMA_EXT,
		ATA.READ_MULTIPLE_EXT,
		ATA.READ,
		ATA.READ_DMA,
		ATA.READ_MULTIPLE,
	];
	for (const [i, command] of commands.entries()) {
		const at = (10 + i) * 512;
		assert.equal(run(ahci.dmaFis(command, 10 + i, 2), [[BUFFER, 1024]]), 0x50);
		assert.equal(Buffer.compare(map.read(BUFFER, 1024), content.subarray(at, at + 1024)), 0);
		assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 1024);
	}
	// A count of 0 means 256 sectors in a short command and 65,536 in a long one, where the PRDs end first.
	assert.equal(run(ahci.dmaFis(ATA.READ_DMA, 0, 0), [[BUFFER, 1024 * 1024]]), 0x50);
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 256 * 512);
	assert.equal(run(ahci.dmaFis(ATA.READ_DMA_EXT, 0, 65536), [[BUFFER, 1024 * 1024]]), 0x50);
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 1024 * 1024);
});

test('a transfer uses only the start of PRDs that are too long, and accepts odd lengths', t => {
	const {run, map, content} = ahciByHand(t);
	map.write(BUFFER, new Uint8Array(4096).fill(0xee));
	const prds: Prd[] = [
		[BUFFER, 301],
		[BUFFER + 1024, 4096],
	];
	assert.equal(run(ahci.dmaFis(ATA.READ_DMA_EXT, 3, 1), prds), 0x50);
	assert.equal(Buffer.compare(map.read(BUFFER, 301), content.subarray(1536, 1837)), 0);
	assert.equal(Buffer.compare(map.read(BUFFER + 1024, 211), content.subarray(1837, 2048)), 0);
	assert.equal(map.u8(BUFFER + 301), 0xee);
	assert.equal(map.u8(BUFFER + 1024 + 211), 0xee);
});

test('a transfer with too many PRDs for one iovec continues at a sector boundary', t => {
	const {run, map, content, events} = ahciByHand(t);
	const prds = Array.from({length: 300}, (_, i): Prd => [BUFFER + i * 4096, 302]);
	const sectors = Math.floor((300 * 302) / 512);
	events.length = 0;
	assert.equal(run(ahci.dmaFis(ATA.READ_DMA_EXT, 7, sectors), prds), 0x50);
	const bytes = sectors * 512;
	const there = Buffer.concat(prds.map(([gpa, length]) => map.read(gpa, length))).subarray(0, bytes);
	assert.equal(Buffer.compare(there, content.subarray(7 * 512, 7 * 512 + bytes)), 0);
	const parts = events.flatMap(event => (event.at === 'ahci-hd' ? [event.data] : []));
	assert.deepEqual(
		parts.map(data => data.reduce((sum, extent) => sum + extent.bytes, 0) / 512),
		[75, 75, 26],
	);
	// The second part starts inside a PRD, where the first one ended.
	assert.deepEqual(parts[1][0], {address: BUFFER + 127 * 4096 + 46, bytes: 256});
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), bytes);
});

test('queued reads free their slots of PxCI at once and end with Set Device Bits', t => {
	const {put, write, read, map, content, received, device} = ahciByHand(t);
	device.write(HBA.GHC, ahci.GHC.IE);
	write(PX.IE, 0xffffffff);
	for (const slot of [0, 5, 31]) {
		put(slot, ahci.dmaFis(ATA.READ_FPDMA_QUEUED, slot, slot << 3, 1), [[BUFFER + slot * 512, 512]]);
	}
	const slots = (1 | (1 << 5) | (1 << 31)) >>> 0;
	write(PX.SACT, slots);
	write(PX.CI, slots);
	assert.deepEqual([read(PX.CI), read(PX.SACT), read(PX.TFD)], [0, 0, 0x50]);
	assert.equal(read(PX.IS), PX_IS.SDB);
	assert.equal(device.read(HBA.IS), 1);
	assert.deepEqual(received(ahci.RECEIVED.SDB, 8), [ahci.FIS_SDB, 0x40, 0x50, 0, 0, 0, 0, 0x80]);
	for (const slot of [0, 5, 31]) {
		const there = map.read(BUFFER + slot * 512, 512);
		assert.equal(Buffer.compare(there, content.subarray(slot * 512, (slot + 1) * 512)), 0);
	}
	// IS cannot be cleared before PxIS.
	device.write(HBA.IS, 1);
	assert.equal(device.read(HBA.IS), 1);
	write(PX.IS, 0xffffffff);
	device.write(HBA.IS, 1);
	assert.equal(device.read(HBA.IS), 0);
});

test('a failed queued command stays in PxSACT and in the log, and blocks the port until a stop', t => {
	const {put, write, read, map, run} = ahciByHand(t);
	put(4, ahci.dmaFis(ATA.WRITE_FPDMA_QUEUED, 9, 4 << 3, 1), [[BUFFER, 512]]);
	write(PX.SACT, 1 << 4);
	write(PX.CI, 1 << 4);
	assert.deepEqual([read(PX.CI), read(PX.SACT), read(PX.TFD)], [0, 1 << 4, 0x41]);
	assert.equal(read(PX.IS), PX_IS.SDB | PX_IS.TFE);
	put(0, ahci.dmaFis(ATA.IDENTIFY, 0, 0), [[BUFFER, 512]]);
	write(PX.CI, 1);
	assert.equal(read(PX.CI), 1);
	write(PX.CMD, CMD.FRE);
	assert.deepEqual([read(PX.CI), read(PX.SACT), read(PX.CMD) & CMD.CR], [0, 0, 0]);
	write(PX.CMD, RUN);
	assert.equal(run(ahci.dmaFis(ATA.READ_LOG_EXT, LOG.NCQ_ERROR, 1), [[BUFFER, 512]]), 0x50);
	const log = map.read(BUFFER, 512);
	assert.deepEqual([...log.subarray(0, 7)], [4, 0, 0x41, 0x04, 9, 0, 0]);
	assert.equal(sumOf(log), 0);
});

test('an unknown command aborts and blocks the port until a stop', t => {
	const {run, read, write, received} = ahciByHand(t);
	assert.equal(run(ahci.dmaFis(0x99, 0, 0)), 0x441);
	assert.deepEqual(received(ahci.RECEIVED.D2H, 4), [ahci.FIS_D2H, 0x40, 0x41, 0x04]);
	assert.deepEqual([read(PX.CI), read(PX.IS)], [1, PX_IS.DHR | PX_IS.TFE]);
	write(PX.CMD, 0);
	assert.equal(read(PX.CI), 0);
});

test('commands without data end as in bhyve', t => {
	const {run, map, write} = ahciByHand(t);
	const tfd = (command: number, count = 0, features = 0) => {
		const answer = run(ahci.dmaFis(command, 0, count, features));
		write(PX.CMD, CMD.FRE);
		write(PX.CMD, RUN);
		return answer;
	};
	for (const command of [ATA.STANDBY, ATA.IDLE_IMMEDIATE, ATA.SLEEP, ATA.READ_VERIFY_EXT])
		assert.equal(tfd(command), 0x50);
	assert.equal(tfd(ATA.CHECK_POWER_MODE), 0x50);
	assert.equal(map.u8(TABLE + 12), 0xff);
	assert.equal(map.u8(RECEIVED + ahci.RECEIVED.D2H + 12), 0xff);
	assert.equal(tfd(ATA.SET_FEATURES, 0x45, 0x03), 0x50);
	assert.equal(tfd(ATA.SET_FEATURES, 5, 0x10), 0x50);
	assert.equal(tfd(ATA.SET_FEATURES, 6, 0x10), 0x441);
	assert.equal(tfd(ATA.SET_FEATURES, 0, 0x77), 0x441);
	assert.equal(tfd(ATA.SET_MULTIPLE, 16), 0x50);
	assert.equal(tfd(ATA.SET_MULTIPLE, 17), 0x441);
	for (const command of [ATA.NOP, 0xa0, 0xa1, 0xb0, 0xf5]) assert.equal(tfd(command), 0x441);
	assert.equal(tfd(ATA.DATA_SET_MANAGEMENT, 2, 1), 0x441);
	assert.equal(tfd(ATA.READ_LOG_EXT, 1), 0x441);
});

test('TRIM deletes range by range, queued or not, and a page of empty ranges ends at once', t => {
	const {put, write, read, run, map, disk, content} = ahciByHand(t, {writable: true});
	const ranges = (...list: [lba: number, sectors: number][]) => {
		map.write(BUFFER, new Uint8Array(512));
		list.forEach(([lba, sectors], i) => {
			map.setU32(BUFFER + 8 * i, lba);
			map.setU16(BUFFER + 8 * i + 6, sectors);
		});
	};
	const empty = (lba: number, sectors: number) =>
		disk.peek(lba * 512, sectors * 512).every(byte => byte === 0);
	ranges([0, 0], [8, 2], [0, 0], [20, 1]);
	assert.equal(run(ahci.dmaFis(ATA.DATA_SET_MANAGEMENT, 0, 1, 1), [[BUFFER, 512]]), 0x50);
	assert.deepEqual([empty(8, 2), empty(20, 1)], [true, true]);
	assert.equal(Buffer.compare(disk.peek(10 * 512, 5120), content.subarray(5120, 10240)), 0);
	ranges([30, 1]);
	put(3, [...ahci.dmaFis(ATA.SEND_FPDMA_QUEUED, 0, 3 << 3, 1).slice(0, 4), 1], [[BUFFER, 512]]);
	write(PX.SACT, 8);
	write(PX.CI, 8);
	assert.deepEqual([read(PX.CI), read(PX.SACT), empty(30, 1)], [0, 0, true]);
	ranges();
	assert.equal(run(ahci.dmaFis(ATA.DATA_SET_MANAGEMENT, 0, 1, 1), [[BUFFER, 512]]), 0x50);
});

test('the link, the device and the controller can be reset', t => {
	const {run, write, read, put, device, received, map} = ahciByHand(t);
	write(PX.CMD, CMD.FRE);
	write(PX.SCTL, 0x11);
	assert.equal(read(PX.SSTS), 0x113);
	assert.equal(read(PX.TFD), 0x170);
	assert.deepEqual(received(ahci.RECEIVED.D2H, 5), [ahci.FIS_D2H, 0, 0, 1, 1]);
	write(PX.SCTL, 0);
	write(PX.CMD, RUN);
	// Two device control FISes, with SRST set and cleared, make the disk send its signature again.
	map.write(RECEIVED, new Uint8Array(256));
	for (const control of [4, 0]) {
		put(0, [ahci.FIS_H2D, 0, 0, control * 2 ** 24]);
		write(PX.CI, 1);
		assert.equal(read(PX.CI), 0);
	}
	assert.equal(received(ahci.RECEIVED.D2H, 1)[0], ahci.FIS_D2H);
	device.write(HBA.GHC, ahci.GHC.HR);
	assert.equal(device.read(HBA.GHC), ahci.GHC.AE);
	assert.equal(read(PX.CMD), CMD.SUD | CMD.POD | CMD.CPS);
	write(PX.CI, 1);
	assert.equal(read(PX.CI), 1);
	write(PX.CMD, RUN);
	assert.equal(run(ahci.dmaFis(ATA.IDENTIFY, 0, 0), [[BUFFER, 512]]), 0x50);
});

test('a guest that would end bhyve stops the device with a message, and a reset restarts it', t => {
	const {device, put, write, read, run, map} = ahciByHand(t);
	const stops = (sentence: RegExp, work: () => void) => {
		work();
		assert.match(device.stopped ?? '', sentence);
		assert.equal(read(PX.TFD), 0xffffffff);
		device.write(HBA.GHC, ahci.GHC.HR);
		write(PX.CLB, LIST);
		write(PX.FB, RECEIVED);
		write(PX.CMD, RUN);
		assert.equal(run(ahci.dmaFis(ATA.IDENTIFY, 0, 0), [[BUFFER, 512]]), 0x50);
	};
	stops(/^vm0 ahci-hd stopped: the FIS in slot 0 is not host-to-device; bhyve would have hung\.$/, () =>
		run([0x46]),
	);
	// Without received FISes the port does not see an error, not even one from block_if.
	for (const fis of [ahci.dmaFis(0x99, 0, 0), ahci.dmaFis(ATA.WRITE_DMA_EXT, 0, 1)]) {
		stops(/slot 0 failed but cannot send a FIS; bhyve would have hung/, () => {
			write(PX.CMD, CMD.ST);
			run(fis, [[BUFFER, 512]]);
		});
	}
	stops(/the command list is not in guest memory; bhyve would have crashed/, () => {
		write(PX.CLBU, 0x1000);
		write(PX.CMD, RUN);
		write(PX.CI, 1);
	});
	stops(/the command table of slot 2 is not in guest memory/, () => {
		put(2, []);
		map.setU32(LIST + 64 + ahci.HEADER.CTBAU, 1);
		write(PX.CI, 4);
	});
	stops(/the first 128 PRDs of slot 0 have less than a sector; bhyve would have aborted/, () => {
		run(
			ahci.dmaFis(ATA.READ_DMA_EXT, 0, 8),
			Array.from({length: 130}, (): Prd => [BUFFER, 2]),
		);
	});
	stops(/PRD 1 of slot 0 is not in guest memory/, () => {
		run(ahci.dmaFis(ATA.IDENTIFY, 0, 0), [
			[BUFFER, 256],
			[0xf0000000, 256],
		]);
	});
	stops(/register offset 0x11a is not a multiple of 4/, () => write(0x1a, 0));
});

test('a read that overwrites its own command table completes with the new FIS', t => {
	const {run, read, map, content} = ahciByHand(t);
	assert.equal(run(ahci.dmaFis(ATA.READ_DMA_EXT, 3, 8), [[TABLE, 4096]]), 0x50);
	assert.equal(Buffer.compare(map.read(TABLE, 4096), content.subarray(1536, 1536 + 4096)), 0);
	// The reply comes from the overwritten FIS.
	assert.deepEqual(
		[...map.read(RECEIVED + ahci.RECEIVED.D2H + 4, 10)],
		[...content.subarray(1536 + 4, 1536 + 14)],
	);
	assert.equal(read(PX.CI), 0);
});

test('a transfer with the longest PRDT and the smallest valid PRDs ends', t => {
	const {map, read, write, put, events} = ahciByHand(t);
	const table = 0x40_0000;
	put(0, []);
	ahci.dmaFis(ATA.READ_DMA_EXT, 0, 65536).forEach((dword, i) => {
		map.setU32(table + 4 * i, dword);
	});
	for (let i = 0; i < 65535; i++) {
		map.setU32(table + ahci.PRDT + i * ahci.PRD_BYTES, BUFFER + 4 * i);
		map.setU32(table + ahci.PRDT + i * ahci.PRD_BYTES + ahci.PRD.DBC, 3);
	}
	map.setU32(LIST, (ahci.FIS_DWORDS | (65535 << 16)) >>> 0);
	map.setU32(LIST + ahci.HEADER.CTBA, table);
	write(PX.CI, 1);
	// 511 parts of one sector, and a last one of 127 PRDs that is less than a sector.
	assert.equal(read(PX.TFD), 0x441);
	assert.equal(map.u32(LIST + ahci.HEADER.PRDBC), 511 * 512);
	assert.equal(events.filter(event => event.at === 'ahci-hd').length, 512);
});
