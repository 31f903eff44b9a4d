import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as ahci from '../../source/formats/ahci.js';
import {ATA, STATUS, TFD_OK} from '../../source/formats/ata.js';
import {AhciHba} from '../../source/hardware/ahci-hba.js';
import {Disk} from '../../source/hardware/disk.js';
import {DmaPort} from '../../source/hardware/dma.js';
import {Memory} from '../../source/hardware/memory.js';
import {MIB, randomImage} from '../helpers/lab.js';

const LIST = 0x1000;
const TABLE = 0x2000;

/** A controller whose IOMMU maps 1:1, except for the `refused` pages. */
function controller(t: Parameters<typeof randomImage>[0], refused: readonly number[] = []) {
	const {file, content} = randomImage(t, MIB);
	const disk = Disk.open(file);
	t.after(() => disk.close());
	const memory = new Memory(16 * MIB);
	const translate = (_rid: number, iova: number) => (refused.includes(Math.floor(iova / 4096)) ? -5 : iova);
	const hba = new AhciHba(new DmaPort(0xfa, memory, {translate}), disk);
	hba.commandList = LIST;
	const errors: (string | undefined)[] = [];
	hba.probe = event => event.at === 'hba' && errors.push(event.error);
	const command = (code: number, lba: number, sectors: number, prds: [hpa: number, bytes: number][]) => {
		ahci.dmaFis(code, lba, sectors).forEach((dword, i) => {
			memory.setU32(TABLE + 4 * i, dword);
		});
		prds.forEach(([hpa, bytes], i) => {
			memory.setU32(TABLE + ahci.PRDT + i * ahci.PRD_BYTES, hpa);
			memory.setU32(TABLE + ahci.PRDT + i * ahci.PRD_BYTES + ahci.PRD.DBC, bytes - 1);
		});
		memory.setU32(LIST, ahci.FIS_DWORDS | (prds.length << 16));
		memory.setU32(LIST + ahci.HEADER.CTBA, TABLE);
		hba.issue(0);
		return memory.u32(LIST + ahci.HEADER.PRDBC);
	};
	return {memory, hba, content, errors, command};
}

test('a read fills scattered PRDs in order', t => {
	const {memory, content, command, hba} = controller(t);
	assert.equal(
		command(ATA.READ_DMA_EXT, 7, 5, [
			[0x10200, 1024],
			[0x8000, 512],
			[0x20e00, 1024],
		]),
		2560,
	);
	assert.equal(hba.taskFile, TFD_OK);
	const got = Buffer.concat([
		memory.view(0x10200, 1024),
		memory.view(0x8000, 512),
		memory.view(0x20e00, 1024),
	]);
	assert.equal(Buffer.compare(got, content.subarray(7 * 512, 12 * 512)), 0);
});

test('refused pages stay unchanged, and the byte count includes them', t => {
	const {memory, content, command} = controller(t, [0x11]);
	memory.view(0x10000, 3 * 4096).fill(0xee);
	assert.equal(command(ATA.READ_DMA_EXT, 0, 24, [[0x10000, 3 * 4096]]), 3 * 4096);
	assert.ok(memory.view(0x11000, 4096).every(byte => byte === 0xee));
	assert.equal(Buffer.compare(memory.view(0x10000, 4096), content.subarray(0, 4096)), 0);
	assert.equal(Buffer.compare(memory.view(0x12000, 4096), content.subarray(8192, 12288)), 0);
});

test('an unknown, miscounted or unreadable command ends in an error and moves nothing', t => {
	const {memory, command, hba, errors} = controller(t, [0x3]);
	memory.view(0x10000, 4096).fill(0xee);
	assert.equal(command(0xec, 0, 8, [[0x10000, 4096]]), 0);
	assert.equal(command(ATA.READ_DMA_EXT, 0, 9, [[0x10000, 4096]]), 0);
	memory.setU32(LIST + ahci.HEADER.CTBA, 0x3000);
	hba.issue(0);
	assert.equal(hba.taskFile, TFD_OK | STATUS.ERR);
	assert.match(
		errors.join('\n'),
		/unknown ATA command 0xec[\s\S]*PRDs have 4096 bytes, but[\s\S]*cannot fetch the command/,
	);
	assert.ok(memory.view(0x10000, 4096).every(byte => byte === 0xee));
});
