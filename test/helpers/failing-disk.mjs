// Loaded before the real program by node --import, it has writes fail that put the disk of FAILING_DISK back.

import fs from 'node:fs';

const real = fs.writeSync;
fs.writeSync = (fd, ...rest) => {
	if (fs.readlinkSync(`/proc/self/fd/${fd}`) === process.env.FAILING_DISK)
		throw Object.assign(new Error('EIO: i/o error, write'), {code: 'EIO'});
	return real(fd, ...rest);
};
