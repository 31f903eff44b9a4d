// A boot sector for a real machine. Its firmware loads it at 0x7c00, if the sector arrives, and it says so.

/** 16-bit code, and what each line does. */
const CODE = [
	...[0xea, 0x05, 0x7c, 0x00, 0x00], //       ljmp 0:0x7c05
	...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], //       ds = 0, count up
	...[0xbe, 0x36, 0x7c], //                   si: the text behind this
	...[0xac, 0x84, 0xc0, 0x74, 0x20], // next: take a character; zero: rest
	...[0x80, 0x3e, 0x49, 0x04, 0x00], //       no video mode: there is no screen
	...[0x74, 0x11], //                         go to serial
	...[0x50, 0xb4, 0x0e, 0xbb, 0x07, 0x00], // show it: ah = 0x0e, bx = 7,
	...[0xcd, 0x10, 0x58], //                   int 0x10
	...[0x81, 0x3e, 0x42, 0x00, 0x00, 0xc0], // where a firmware without a card shows it, that is the serial port
	...[0x75, 0xe3], //                         go to next
	...[0xb4, 0x01, 0x31, 0xd2], //     serial: send it on the first port: ah = 1, dx = 0,
	...[0xcd, 0x14, 0xeb, 0xdb], //             int 0x14, go to next
	...[0xfb, 0xf4, 0xeb, 0xfc], //       rest: wait for interrupts for ever
];

export const BOOT_LINE = 'This is the boot sector of the raw disk: the DMA landed.';

export const BOOT_CODE = Buffer.from([...CODE, ...Buffer.from(`\r\n${BOOT_LINE}\r\n\0`, 'latin1')]);
